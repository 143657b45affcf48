// Redirects the allocations of a library during a load.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "process/prefault.h"

namespace larder::internal::process {

// While a scope lives, large blocks that the given libraries allocate are prefaulted
// (process/prefault.h), or recorded, or both. Only the calls of these libraries are redirected, in
// their own import tables. They are restored when the last scope ends or, if no scope records, when
// the budget is used up. Calls are redirected on all threads, because runtimes allocate on threads
// of their own.
//
// Never fails. Does nothing if a library is not loaded or does not import an allocator; on an
// unknown architecture; or if other code was found to redirect the same calls. Prefaults nothing if
// the kernel uses huge pages anyway. Thread-safe.
class LargeBlockScope {
public:
    enum class Record { no, yes };

    // `libraries` are file names without a version, "libx.so". At most `budget_bytes`, and the
    // block that reaches it, are prefaulted: a block that its owner never fills takes memory.
    LargeBlockScope(const std::vector<std::string_view>& libraries, std::uint64_t budget_bytes,
                    Record record = Record::no);
    LargeBlockScope(const LargeBlockScope&) = delete;
    LargeBlockScope& operator=(const LargeBlockScope&) = delete;
    ~LargeBlockScope();

    // Of all scopes together; not positive once it is used up.
    [[nodiscard]] static std::int64_t budget_bytes_left();

    // Says why nothing is recorded; empty if blocks are recorded.
    [[nodiscard]] const std::string& obstacle() const { return obstacle_; }
    // Returns the whole pages of each block of 1 MiB and more that was allocated with
    // posix_memalign since the first recording scope began, and not freed since; ordered by
    // address. These pages contain nothing else; whether they have been written to is unknown.
    [[nodiscard]] std::vector<std::span<std::byte>> blocks() const;
    // Returns a number that tells one of blocks() from a later block in the same place, and grows
    // with each allocation; 0 if the block was freed.
    [[nodiscard]] std::uint64_t number_of(std::span<const std::byte> pages) const;
    // The mark of the thread that allocated one of blocks() (process/thread_mark.h); 0: none, or
    // freed.
    [[nodiscard]] std::uint64_t mark_of(std::span<const std::byte> pages) const;
    // The number of the latest block when this scope began.
    [[nodiscard]] std::uint64_t number_before() const { return number_before_; }
    // Calls `use` with one of blocks(); a thread that frees the block meanwhile waits. Returns
    // false if the block was freed already, or another thread is using it.
    [[nodiscard]] bool with(std::span<std::byte> pages, const std::function<void()>& use) const;

private:
    std::optional<PrefaultThreads> threads_;
    bool open_ = false;
    Record record_;
    std::uint64_t number_before_ = 0;
    std::string obstacle_;
};

// Says why blocks that `libraries` allocate cannot be recorded; empty if they can.
[[nodiscard]] std::string obstacle_to_recording(const std::vector<std::string_view>& libraries);

// Smaller blocks are not prefaulted: they contain hardly a whole huge page.
inline constexpr std::uint64_t k_large_block_bytes_min = std::uint64_t{4} << 20;

}  // namespace larder::internal::process
