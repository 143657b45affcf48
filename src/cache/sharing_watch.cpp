#include "cache/sharing_watch.h"

#include <new>
#include <utility>

namespace larder::internal::cache {
namespace {

constexpr std::chrono::milliseconds k_look_every{500};

}  // namespace

SharingWatch::~SharingWatch() { thread_.stop(); }

void SharingWatch::watch(std::unique_ptr<WeightSharing> sharing, std::weak_ptr<const void> model) {
    const std::lock_guard lock(mutex_);
    const auto until = std::chrono::steady_clock::now() + k_duration;
    watched_.push_back({until, std::move(sharing), std::move(model)});
    if (running_) return;
    // Where no thread is to be had, nothing is shared later. An earlier thread has ended, or is
    // about to: it no longer takes the lock.
    running_ = thread_.start([this](const std::stop_token& stop) { run(stop); });
    if (!running_) watched_.clear();
}

void SharingWatch::run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (true) {
        const auto now = std::chrono::steady_clock::now();
        std::erase_if(watched_, [&](const Watched& each) {
            return each.until <= now || each.model.expired();
        });
        if (watched_.empty() || stop.stop_requested()) break;
        // Without the lock: sharing takes its time, and others begin meanwhile. Nobody else takes
        // anything out of the list.
        std::vector<WeightSharing*> all;
        all.reserve(watched_.size());
        for (const auto& each : watched_) all.push_back(each.sharing.get());
        lock.unlock();
        for (auto* sharing : all) {
            if (stop.stop_requested()) break;
            try {
                sharing->share_more();
            } catch (const std::bad_alloc&) {
                // There may be memory the next time.
                continue;
            }
        }
        lock.lock();
        wake_.wait_for(lock, stop, k_look_every, [] { return false; });
    }
    running_ = false;
}

}  // namespace larder::internal::cache
