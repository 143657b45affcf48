// Ends things whose end may take long, on a disk that stalls or over a network that is gone.
#pragma once

#include <chrono>
#include <functional>

namespace larder::internal::os {

// For all calls within a second together: a program that ends may have many things to end.
inline constexpr std::chrono::milliseconds k_end_time{100};

// Runs `work` on a thread of its own, and waits for its end no longer than k_end_time. True if it
// has ended; else it goes on, until it is done or the process has ended, so it must own what it
// uses. Where no thread is to be had the caller does the work. What `work` throws is dropped.
bool end_in_time(std::function<void()> work) noexcept;

}  // namespace larder::internal::os
