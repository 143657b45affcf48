#include "cache/session/trial_watch.h"

#include <utility>

namespace larder::internal::cache {

void OpenTrial::end() {
    const std::lock_guard lock(mutex_);
    if (!trial_) return;
    trial_->end();
    trial_.reset();
    if (proven_) proven_();
}

void OpenTrial::note_loaded() {
    const std::lock_guard lock(mutex_);
    if (trial_) trial_->note_loaded();
}

void OpenTrial::withdraw() {
    const std::lock_guard lock(mutex_);
    trial_.reset();
}

void OpenTrial::renew(store::Trial trial) {
    const std::lock_guard lock(mutex_);
    trial_.emplace(std::move(trial));
}

TrialWatch::~TrialWatch() {
    // Only the parent process ends its trials.
    if (!thread_.is_ours()) return;
    thread_.stop();
    for (const auto& [until, trial] : watched_) trial->end();
}

void TrialWatch::watch(std::shared_ptr<OpenTrial> trial) {
    const std::lock_guard lock(mutex_);
    watched_.push_back({std::chrono::steady_clock::now() + k_first_use, std::move(trial)});
    if (running_ && thread_.is_ours()) return;
    // If no thread can be started, the trial ends with this watch. An earlier thread has ended, or
    // is about to: it no longer takes the lock.
    running_ = thread_.start([this](const std::stop_token& stop) { run(stop); });
}

void TrialWatch::run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!watched_.empty()) {
        const auto until = watched_.front().until;
        wake_.wait_until(lock, stop, until, [] { return false; });
        if (stop.stop_requested()) return;
        auto trial = std::move(watched_.front().trial);
        watched_.erase(watched_.begin());
        // Unlocked, so that a thread that begins a trial does not wait for the disk.
        lock.unlock();
        trial->end();
        lock.lock();
    }
    running_ = false;
}

}  // namespace larder::internal::cache
