#include "os/background_thread.h"

#include <exception>
#include <utility>

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/signals_blocked.h"
#include "os/system.h"

namespace larder::internal::os {

BackgroundThread::~BackgroundThread() { stop(); }

void BackgroundThread::stop() noexcept {
    if (!thread_) return;
    if (is_ours()) {
        // Stops and joins the thread.
        thread_.reset();
    } else {
        // In a child the parent's thread does not exist, and the C library may have reused its
        // description for another thread: the object must not be used at all, not even to detach.
        [[maybe_unused]] const auto* const nobodys = thread_.release();
    }
}

bool BackgroundThread::start(std::function<void(const std::stop_token&)> work) {
    stop();
    try {
        const SignalsBlocked blocked;
        thread_ =
            std::make_unique<std::jthread>([work = std::move(work)](const std::stop_token& stop) {
                try {
                    work(stop);
                } catch (...) {  // NOLINT(bugprone-empty-catch)
                    // The thread is only an optimisation: the program continues without it.
                }
            });
    } catch (const std::exception&) {
        return false;
    }
    started_by_ = current_process_id();
    return true;
}

bool BackgroundThread::is_ours() const noexcept {
    return started_by_ == 0 || started_by_ == current_process_id();
}

void lower_priority() noexcept {
    // Gives the thread a tenth of a program thread's share if both want the same core.
    constexpr int k_steps = 10;
    const auto thread = static_cast<id_t>(::gettid());
    const int now = ::getpriority(PRIO_PROCESS, thread);
    // If this fails, the thread keeps its priority.
    static_cast<void>(::setpriority(PRIO_PROCESS, thread, now + k_steps));
}

void name_thread(const char* name) noexcept {
    static_cast<void>(::pthread_setname_np(::pthread_self(), name));
}

}  // namespace larder::internal::os
