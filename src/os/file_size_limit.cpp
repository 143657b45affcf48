#include "os/file_size_limit.h"

#include <cerrno>
#include <ctime>

#include <sys/resource.h>

namespace larder::internal::os {
namespace {

sigset_t signal_of_limit() {
    sigset_t signals{};
    sigemptyset(&signals);
    sigaddset(&signals, SIGXFSZ);
    return signals;
}

bool is_pending() {
    sigset_t pending{};
    return ::sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) == 1;
}

}  // namespace

FileSizeLimitGuard::FileSizeLimitGuard() noexcept {
    const int error = errno;
    const auto signals = signal_of_limit();
    was_pending_ = is_pending();
    is_active_ = ::pthread_sigmask(SIG_BLOCK, &signals, &before_) == 0;
    errno = error;
}

FileSizeLimitGuard::~FileSizeLimitGuard() {
    if (!is_active_) return;
    const int error = errno;
    // The kernel sends the signal to the writing thread, so no other thread can have taken it.
    if (!was_pending_ && is_pending()) {
        const auto signals = signal_of_limit();
        const timespec at_once{};
        static_cast<void>(::sigtimedwait(&signals, nullptr, &at_once));
    }
    static_cast<void>(::pthread_sigmask(SIG_SETMASK, &before_, nullptr));
    errno = error;
}

bool is_file_size_limited() noexcept {
    struct rlimit limit{};
    return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

}  // namespace larder::internal::os
