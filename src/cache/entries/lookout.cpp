#include "cache/entries/lookout.h"

#include <algorithm>

namespace larder::internal::cache {

void Lookout::look_soon() {
    const std::lock_guard lock(mutex_);
    pause_ = k_look_first;
    wake_.notify_all();
    if (!running_) {
        running_ = thread_.start([this](const std::stop_token& stop) { run(stop); });
    }
}

void Lookout::run(const std::stop_token& stop) {
    os::lower_priority();
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        const auto until = std::chrono::steady_clock::now() + pause_;
        const auto pause = pause_;
        const bool sooner = wake_.wait_until(lock, stop, until, [&] { return pause_ < pause; });
        if (sooner || stop.stop_requested()) continue;
        // Unlocked, so that a thread that loads a model does not wait for the disk.
        lock.unlock();
        const bool has_changed = look_(stop);
        lock.lock();
        pause_ = has_changed ? k_look_first
                             : std::min<std::chrono::milliseconds>(pause_ * 2, k_look_at_last);
    }
}

}  // namespace larder::internal::cache
