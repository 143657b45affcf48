// Who has what loaded on this machine, now: each leaves an empty file, locked for as long as that
// is so.
// Private to store/ but for Presence.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "base/result.h"
#include "store/scratch_file.h"
#include "store/types.h"

namespace larder::internal::store {

struct Context;

// Ends with its destructor, or with the process. Must not outlive the store.
class Presence {
public:
    // `file` is locked.
    explicit Presence(ScratchFile file) : file_(std::move(file)) {}

    [[nodiscard]] const std::string& path() const { return file_.path(); }

private:
    ScratchFile file_;
};

// See Store for the contracts.
[[nodiscard]] Result<Presence> announce(Context& context, const Key& key);
[[nodiscard]] bool is_announced_by_others(Context& context, const Key& key,
                                          const std::set<std::string>& own_paths);

}  // namespace larder::internal::store
