#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"

namespace larder::internal {

// Returns the number of threads worth starting for work on memory.
[[nodiscard]] unsigned worker_threads() noexcept;
// The same for reading files: a disk can keep more readers busy than there are cores.
[[nodiscard]] unsigned reader_threads() noexcept;

// Calls `work(i)` for every i in [0, count) on up to `threads` threads, including the calling one,
// and returns when all have ended. After a first error no further i is begun. Returns the error of
// the lowest i that failed; throws what `work` throws. With one thread, or if none can be started,
// everything runs on the calling thread. The other threads receive no signals.
[[nodiscard]] Result<void> parallel_for(std::uint64_t count, unsigned threads,
                                        const std::function<Result<void>(std::uint64_t)>& work);

}  // namespace larder::internal
