// Ends objects whose end may take long, because a disk stalls or a network is gone.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <new>
#include <optional>
#include <utility>

namespace larder::internal::os {

// The limit for all calls within a second together: a program may have to end many objects at exit.
inline constexpr std::chrono::milliseconds k_end_time{100};

// Runs `work` on a thread of its own, and waits at most k_end_time for its end. Returns true if it
// has ended. If not, it continues until it is done or the process has ended, and must therefore own
// the objects that it uses. If there is no thread or no memory, the calling thread does the work.
// Exceptions of `work` are ignored.
bool run_to_end_in_time(std::function<void()> work) noexcept;

// The same for any copyable function object. The objects that it owns are destroyed on that thread,
// too.
template <typename Work>
bool end_in_time(Work work) noexcept {
    std::optional<Work> own(std::move(work));
    std::optional<std::function<void()>> stored;
    try {
        stored.emplace(*own);
    } catch (const std::bad_alloc&) {
        try {
            (*own)();
        } catch (const std::exception&) {  // there is nobody to report to
        }
        return true;
    }
    own.reset();
    return run_to_end_in_time(std::move(*stored));
}

}  // namespace larder::internal::os
