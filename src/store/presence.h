// Who has what loaded on this machine, now: each leaves a file, locked for as long as that is so.
// Private to store/ but for Presence.
#pragma once

#include <memory>
#include <string>

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

private:
    os::FileSystem* fs_;
    std::unique_ptr<os::File> file_;
    Ownership ownership_;
};

// See Store for the contracts.
[[nodiscard]] Result<Presence> announce(Context& context, const Key& key);
[[nodiscard]] bool is_anybody_else_present(Context& context, const Key& key,
                                           const std::string& own_path) noexcept;

}  // namespace larder::internal::store
