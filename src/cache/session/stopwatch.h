#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "os/system.h"

namespace larder::internal::cache {

[[nodiscard]] inline std::uint64_t whole_milliseconds(std::chrono::nanoseconds duration) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

// Adds its lifetime to a stage's total, so that a stage that ends with an exception counts too.
class Stopwatch {
public:
    Stopwatch(os::Clock& clock, std::optional<std::chrono::nanoseconds>& total)
        : clock_(clock), total_(total), start_(clock.monotonic()) {}
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;
    ~Stopwatch() {
        total_ = total_.value_or(std::chrono::nanoseconds{0}) + clock_.monotonic() - start_;
    }

private:
    os::Clock& clock_;
    std::optional<std::chrono::nanoseconds>& total_;
    std::chrono::nanoseconds start_;
};

}  // namespace larder::internal::cache
