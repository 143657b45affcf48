// Ends things whose end may take long, on a disk that stalls or over a network that is gone.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <new>
#include <optional>
#include <utility>

namespace larder::internal::os {

// For all calls within a second together: a program that ends may have many things to end.
inline constexpr std::chrono::milliseconds k_end_time{100};

// Runs `work` on a thread of its own, and waits for its end no longer than k_end_time. True if it
// has ended; else it goes on, until it is done or the process has ended, so it must own what it
// uses. Where no thread, or no memory, is to be had the caller does the work. What `work` throws is
// dropped.
bool run_to_end_in_time(std::function<void()> work) noexcept;

// The same of whatever can be copied and called. What it owns ends with it, on that thread.
template <typename Work>
bool end_in_time(Work work) noexcept {
    std::optional<Work> own(std::move(work));
    std::optional<std::function<void()>> stored;
    try {
        stored.emplace(*own);
    } catch (const std::bad_alloc&) {
        try {
            (*own)();
        } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): nobody is left to tell
        }
        return true;
    }
    own.reset();
    return run_to_end_in_time(std::move(*stored));
}

}  // namespace larder::internal::os
