// Redirects what a library allocates during a load.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "os/prefault.h"

namespace larder::internal::os {

// While one lives, large blocks that the given libraries allocate are brought in at once
// (os/prefault.h). The calls of these libraries alone are redirected, in their own tables of
// imports, and put back when the last scope ends or the budget is used up, whichever is first.
// Whichever thread calls is served: runtimes allocate on threads of their own.
//
// Does nothing, and never fails, where the kernel gives huge pages anyway; where a library is not
// loaded or does not import an allocator; on an unknown architecture; where somebody else was found
// to redirect the same calls. Thread-safe.
class LargeBlockScope {
public:
    // `libraries` are file names without a version, "libx.so". At most `budget_bytes`, and the
    // block that reaches it, are brought in: a block that its owner never fills takes memory.
    LargeBlockScope(const std::vector<std::string_view>& libraries, std::uint64_t budget_bytes);
    LargeBlockScope(const LargeBlockScope&) = delete;
    LargeBlockScope& operator=(const LargeBlockScope&) = delete;
    ~LargeBlockScope();

    // Of all scopes together; not positive when it is used up.
    [[nodiscard]] static std::int64_t budget_bytes_left();

private:
    std::optional<PrefaultThreads> threads_;
    bool open_ = false;
};

// Blocks smaller than this are left alone: they do not hold a whole huge page, or hardly.
inline constexpr std::uint64_t k_large_block_bytes_min = std::uint64_t{4} << 20;

}  // namespace larder::internal::os
