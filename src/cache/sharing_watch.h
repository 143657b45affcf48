// Processes that loaded a model before anybody else did share it later.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "cache/weight_sharing.h"
#include "os/background_thread.h"

namespace larder::internal::cache {

// Servers start their workers one after the other: the first is ready before there is a second to
// share with. Its thread looks for a while whether there is by now, and runs only while there is
// something to look for. Thread-safe.
class SharingWatch {
public:
    static constexpr std::chrono::seconds k_duration{30};

    SharingWatch() = default;
    SharingWatch(const SharingWatch&) = delete;
    SharingWatch& operator=(const SharingWatch&) = delete;
    // Shares no more.
    ~SharingWatch();

    // Until `model` is let go of.
    void watch(std::unique_ptr<WeightSharing> sharing, std::weak_ptr<const void> model);

private:
    using Time = std::chrono::steady_clock::time_point;

    void run(const std::stop_token& stop);

    struct Watched {
        Time until;
        std::unique_ptr<WeightSharing> sharing;
        std::weak_ptr<const void> model;
    };
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::vector<Watched> watched_;
    bool running_ = false;
    os::BackgroundThread thread_;
};

}  // namespace larder::internal::cache
