// Records how far a check of a whole larder has come, so that the next one continues there.
#pragma once

#include <set>
#include <span>
#include <string_view>

#include "base/digest.h"

namespace larder::internal::store {

// Thread-safe; may forget at any time, and never fails its caller.
class VerifyJournal {
public:
    VerifyJournal() = default;
    VerifyJournal(const VerifyJournal&) = delete;
    VerifyJournal& operator=(const VerifyJournal&) = delete;
    virtual ~VerifyJournal() = default;

    // Returns the objects that an unfinished check found undamaged recently.
    [[nodiscard]] virtual std::set<Digest> checked(std::string_view larder_id) = 0;
    virtual void note_checked(std::string_view larder_id, std::span<const Digest> objects) = 0;
    // The check has finished, or is to begin anew.
    virtual void forget_checked(std::string_view larder_id) = 0;
};

}  // namespace larder::internal::store
