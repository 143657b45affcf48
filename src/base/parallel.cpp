#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "base/signals_blocked.h"

namespace larder::internal {

unsigned worker_threads() noexcept {
    // More than eight readers do not make a disk or a memory bus faster.
    return std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
}

unsigned reader_threads() noexcept {
    constexpr unsigned k_disk_readers_min = 4;
    return std::max(worker_threads(), k_disk_readers_min);
}

Result<void> parallel_for(std::uint64_t count, unsigned threads,
                          const std::function<Result<void>(std::uint64_t)>& work) {
    std::atomic<std::uint64_t> next{0};
    std::mutex mutex;
    std::uint64_t failed_index = count;
    std::optional<Error> failure;
    std::exception_ptr thrown;
    const auto work_through = [&] {
        for (auto i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
            if (auto result = work(i); !result) {
                const std::lock_guard lock(mutex);
                if (i < failed_index) {
                    failed_index = i;
                    failure = std::move(result.error());
                }
                next.store(count);
            }
        }
    };
    // On a thread of its own, an exception would end the process.
    const auto run = [&] {
        try {
            work_through();
        } catch (...) {
            const std::lock_guard lock(mutex);
            thrown = std::current_exception();
            next.store(count);
        }
    };

    std::vector<std::jthread> helpers;
    const auto wanted = std::min<std::uint64_t>(threads, count);
    try {
        const SignalsBlocked blocked;
        for (std::uint64_t i = 1; i < wanted; ++i) helpers.emplace_back(run);
    } catch (const std::system_error&) {
        // No thread could be started: the calling thread does the rest.
    }
    run();
    helpers.clear();
    if (thrown) std::rethrow_exception(thrown);
    if (failure) return fail(std::move(*failure));
    return {};
}

}  // namespace larder::internal
