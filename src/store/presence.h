// Who has what loaded on this machine, now: each leaves a file, locked for as long as that is so.
// Private to store/ but for Presence.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/file_system.h"
#include "store/types.h"

namespace larder::internal::store {

struct Context;

// Ends with its destructor, with the process, and, where that was forked meanwhile, with its last
// child. Must not outlive the store.
class Presence {
public:
    Presence(os::FileSystem& fs, std::unique_ptr<os::File> file)
        : fs_(&fs), file_(std::move(file)) {}
    Presence(Presence&&) noexcept = default;
    Presence& operator=(Presence&&) = delete;
    Presence(const Presence&) = delete;
    Presence& operator=(const Presence&) = delete;
    ~Presence() {
        if (file_ && ownership_.is_ours()) static_cast<void>(fs_->remove(file_->path()));
    }

    [[nodiscard]] const std::string& path() const { return file_->path(); }
    // Leaves a text for others, in place of an earlier one. Best effort.
    void tell(std::string text) noexcept;

private:
    os::FileSystem* fs_;
    std::unique_ptr<os::File> file_;
    std::size_t told_bytes_ = 0;
    Ownership ownership_;
};

// See Store for the contracts.
[[nodiscard]] Result<Presence> announce(Context& context, const Key& key);
[[nodiscard]] std::vector<std::string> told_by_others(Context& context, const Key& key,
                                                      const std::set<std::string>& own_paths);

}  // namespace larder::internal::store
