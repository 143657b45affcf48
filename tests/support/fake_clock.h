// Time that passes only if a caller sleeps, or a test advances it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "os/system.h"

namespace larder::internal::support {

class FakeClock final : public os::Clock {
public:
    std::chrono::nanoseconds wall() override { return wall_.load(); }
    std::chrono::nanoseconds monotonic() override { return monotonic_.load(); }
    bool sleep(std::chrono::nanoseconds duration) override {
        ++sleeps_;
        advance(duration);
        return false;
    }

    void advance(std::chrono::nanoseconds duration) {
        wall_ = wall_.load() + duration;
        monotonic_ = monotonic_.load() + duration;
    }
    void set_wall(std::chrono::nanoseconds since_epoch) { wall_ = since_epoch; }
    [[nodiscard]] std::uint64_t sleeps() const { return sleeps_; }

private:
    std::atomic<std::chrono::nanoseconds> wall_{std::chrono::seconds(1'800'000'000)};
    std::atomic<std::chrono::nanoseconds> monotonic_{std::chrono::seconds(1'000)};
    std::atomic<std::uint64_t> sleeps_{0};
};

}  // namespace larder::internal::support
