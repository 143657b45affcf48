// The keys under which the entry of a request may be: callbacks that encrypt differently each time,
// and machines that differ in something no key input shows, have a few keys each.
#pragma once

#include <optional>

#include "cache/attempt/attempt.h"

namespace larder::internal::cache {

class Keys {
public:
    // Begins with the key of `attempt`, which must outlive this.
    explicit Keys(Attempt& attempt) : attempt_(attempt) {}

    // Goes on to the next key after `miss`. False if there is none: the attempt's key is then the
    // one to publish under.
    [[nodiscard]] bool next(const Miss& miss);
    // Goes on to the next machine's key, also if all were tried before. False after the last.
    [[nodiscard]] bool next_machine();

private:
    [[nodiscard]] bool next_callbacks();
    void ask_for_machine(unsigned machine);

    Attempt& attempt_;
    unsigned callbacks_ = 0;  // varying_encryption
    unsigned machine_ = 0;    // number_key
    std::optional<unsigned> free_machine_;
};

}  // namespace larder::internal::cache
