#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"

namespace larder::internal {

// The number of threads worth starting for work over memory.
[[nodiscard]] unsigned worker_threads() noexcept;
// The same for reading files: a disk is kept busy by more readers than there may be cores.
[[nodiscard]] unsigned reader_threads() noexcept;

// Calls `work(i)` for every i in [0, count) on up to `threads` threads, the caller's among them,
// and returns when all have ended. After a first error no further i is begun; the error of the
// lowest i that failed is returned, and what `work` throws is thrown here. With one thread, or
// where none can be started, it runs on the caller's.
[[nodiscard]] Result<void> parallel_for(std::uint64_t count, unsigned threads,
                                        const std::function<Result<void>(std::uint64_t)>& work);

}  // namespace larder::internal
