#include "os/background_thread.h"

#include <system_error>
#include <utility>

#include "os/system.h"

namespace larder::internal::os {

BackgroundThread::~BackgroundThread() { stop(); }

void BackgroundThread::stop() noexcept {
    if (!thread_.joinable()) return;
    if (is_ours()) {
        thread_.request_stop();
        thread_.join();
    } else {
        thread_.detach();
    }
}

bool BackgroundThread::start(std::function<void(const std::stop_token&)> work) {
    stop();
    try {
        thread_ = std::jthread(std::move(work));
    } catch (const std::system_error&) {
        return false;
    }
    started_by_ = current_process_id();
    return true;
}

bool BackgroundThread::is_ours() const noexcept {
    return started_by_ == 0 || started_by_ == current_process_id();
}

}  // namespace larder::internal::os
