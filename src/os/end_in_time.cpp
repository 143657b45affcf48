#include "os/end_in_time.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "base/signals_blocked.h"

namespace larder::internal::os {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::nanoseconds k_window = std::chrono::seconds(1);
// The time that any end may take without counting.
constexpr std::chrono::nanoseconds k_unnoticed = std::chrono::milliseconds(2);

// The waiting time since the start of the window. Without a lock, which a child made by fork could
// find taken.
constinit std::atomic<std::int64_t> window_start_ns{0};
constinit std::atomic<std::int64_t> waited_ns{0};

std::chrono::nanoseconds time_left(Steady::time_point now) {
    const std::chrono::nanoseconds since = now.time_since_epoch();
    if (since.count() - window_start_ns.load() > k_window.count()) {
        window_start_ns = since.count();
        waited_ns = 0;
    }
    return k_end_time - std::min<std::chrono::nanoseconds>(
                            k_end_time, std::chrono::nanoseconds(waited_ns.load()));
}

struct Work {
    std::function<void()> run;
    std::mutex mutex;
    std::condition_variable ended;
    bool has_ended = false;
};

void run(Work& work) noexcept {
    try {
        work.run();
        // Destroys what `run` owns, within the time limit.
        work.run = nullptr;
    } catch (...) {  // there is nobody to report to
    }
    const std::lock_guard lock(work.mutex);
    work.has_ended = true;
    work.ended.notify_all();
}

}  // namespace

bool run_to_end_in_time(std::function<void()> work) noexcept {
    std::shared_ptr<Work> shared;
    try {
        shared = std::make_shared<Work>();
        shared->run = std::move(work);
        const SignalsBlocked blocked;
        std::thread([shared] { run(*shared); }).detach();
    } catch (const std::exception&) {
        if (shared) {
            run(*shared);
        } else {
            Work own;
            own.run = std::move(work);
            run(own);
        }
        return true;
    }
    const auto start = Steady::now();
    std::unique_lock lock(shared->mutex);
    const bool ended =
        shared->ended.wait_for(lock, time_left(start), [&] { return shared->has_ended; });
    const std::chrono::nanoseconds waited = Steady::now() - start;
    if (waited > k_unnoticed) waited_ns += waited.count();
    return ended;
}

}  // namespace larder::internal::os
