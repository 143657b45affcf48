// A limit on the size of files (ulimit -f) ends a process that writes beyond it. This makes writes
// by larder fail instead.
#pragma once

#include <csignal>

namespace larder::internal::os {

// While it lives, writes of this thread beyond the limit fail with EFBIG, without delivering
// SIGXFSZ. The program's own handling of that signal stays unchanged. Keeps errno.
class FileSizeLimitGuard {
public:
    FileSizeLimitGuard() noexcept;
    FileSizeLimitGuard(const FileSizeLimitGuard&) = delete;
    FileSizeLimitGuard& operator=(const FileSizeLimitGuard&) = delete;
    ~FileSizeLimitGuard();

private:
    sigset_t before_{};
    bool is_active_ = false;
    bool was_pending_ = false;
};

// Tells whether there is such a limit, of any size.
[[nodiscard]] bool is_file_size_limited() noexcept;

}  // namespace larder::internal::os
