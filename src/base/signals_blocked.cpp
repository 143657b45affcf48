#include "base/signals_blocked.h"

#include <initializer_list>

namespace larder::internal {

SignalsBlocked::SignalsBlocked() noexcept {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) {
        sigdelset(&blocked, own);
    }
    is_active_ = ::pthread_sigmask(SIG_BLOCK, &blocked, &before_) == 0;
}

SignalsBlocked::~SignalsBlocked() {
    if (is_active_) static_cast<void>(::pthread_sigmask(SIG_SETMASK, &before_, nullptr));
}

}  // namespace larder::internal
