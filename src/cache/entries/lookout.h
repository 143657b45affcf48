// Polls for files that a device writes at times of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>

#include "os/background_thread.h"

namespace larder::internal::cache {

// A thread that polls often at first, and less often while nothing is found. Thread-safe.
class Lookout {
public:
    static constexpr std::chrono::milliseconds k_look_first{250};
    static constexpr std::chrono::seconds k_look_at_last{60};

    // Returns true if there was anything. Must take no lock that `look_soon` is called under.
    using Look = std::function<bool(const std::stop_token&)>;

    explicit Lookout(Look look) : look_(std::move(look)) {}
    Lookout(const Lookout&) = delete;
    Lookout& operator=(const Lookout&) = delete;
    ~Lookout() = default;

    // Starts to poll, or polls soon again. Does nothing if no thread can be started.
    void look_soon();

private:
    void run(const std::stop_token& stop);

    const Look look_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::chrono::milliseconds pause_ = k_look_first;
    bool running_ = false;
    os::BackgroundThread thread_;  // ends first
};

}  // namespace larder::internal::cache
