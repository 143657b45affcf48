// Shows which processes of this machine have a model loaded now: each has an empty file that it
// keeps locked for that long. Private to store/ but for Presence.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "base/result.h"
#include "store/disk/scratch_file.h"
#include "store/disk/types.h"

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
[[nodiscard]] std::uint64_t count_announced_by_others(Context& context, const Key& key,
                                                      const std::set<std::string>& own_paths);

}  // namespace larder::internal::store
