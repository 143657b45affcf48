// A limit on the size of files (ulimit -f) ends a process that writes beyond it. A write of
// larder's shall fail instead.
#pragma once

#include <csignal>

namespace larder::internal::os {

// While it lives, what this thread writes beyond the limit fails with EFBIG, and SIGXFSZ is not
// delivered for it. What the program does with that signal stays as it is. Keeps errno.
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

// Whether there is such a limit, of whatever size.
[[nodiscard]] bool is_file_size_limited() noexcept;

}  // namespace larder::internal::os
