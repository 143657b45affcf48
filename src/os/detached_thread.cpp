#include "os/detached_thread.h"

#include <csignal>
#include <exception>
#include <thread>
#include <utility>

#include <pthread.h>

namespace larder::internal::os {

bool start_detached(std::function<void()> work) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    if (::pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return false;
    bool is_started = true;
    try {
        std::thread([work = std::move(work)] {
            try {
                work();
            } catch (const std::exception&) {
                // The thread is only an optimisation: the program continues without it.
                return;
            }
        }).detach();
    } catch (const std::exception&) {
        // No thread could be started, or there is no memory for one.
        is_started = false;
    }
    static_cast<void>(::pthread_sigmask(SIG_SETMASK, &before, nullptr));
    return is_started;
}

}  // namespace larder::internal::os
