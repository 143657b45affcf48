#include "os/detached_thread.h"

#include <exception>
#include <thread>
#include <utility>

#include "base/signals_blocked.h"

namespace larder::internal::os {

bool start_detached(std::function<void()> work) {
    const SignalsBlocked blocked;
    try {
        std::thread([work = std::move(work)] {
            try {
                work();
            } catch (const std::exception&) {
                // The thread is only an optimisation: the program continues without it.
                return;
            }
        }).detach();
        return true;
    } catch (const std::exception&) {
        // No thread could be started, or there is no memory for one.
        return false;
    }
}

}  // namespace larder::internal::os
