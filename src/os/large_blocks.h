// Redirects what a library allocates during a load.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/prefault.h"

namespace larder::internal::os {

// While one lives, large blocks that the given libraries allocate are brought in at once
// (os/prefault.h), or recorded, or both. The calls of these libraries alone are redirected, in
// their own tables of imports, and put back when the last scope ends or, if none of them records,
// the budget is used up. Whichever thread calls is served: runtimes allocate on threads of their
// own.
//
// Never fails. Does nothing where a library is not loaded or does not import an allocator; on an
// unknown architecture; where somebody else was found to redirect the same calls. Brings nothing in
// where the kernel gives huge pages anyway. Thread-safe.
class LargeBlockScope {
public:
    enum class Record { no, yes };

    // `libraries` are file names without a version, "libx.so". At most `budget_bytes`, and the
    // block that reaches it, are brought in: a block that its owner never fills takes memory.
    LargeBlockScope(const std::vector<std::string_view>& libraries, std::uint64_t budget_bytes,
                    Record record = Record::no);
    LargeBlockScope(const LargeBlockScope&) = delete;
    LargeBlockScope& operator=(const LargeBlockScope&) = delete;
    ~LargeBlockScope();

    // Of all scopes together; not positive when it is used up.
    [[nodiscard]] static std::int64_t budget_bytes_left();

    // Why nothing is recorded; empty if it is.
    [[nodiscard]] const std::string& obstacle() const { return obstacle_; }
    // What was allocated with posix_memalign since the first scope that records began, and not
    // freed: the whole pages of each block of 1 MiB and more, in the order of their addresses.
    // Nothing else is in these pages; that they are written to is not known here.
    [[nodiscard]] std::vector<std::span<std::byte>> blocks() const;
    // Tells one of blocks() from another that was allocated later in the same place, and is the
    // greater the later it was allocated; 0 if it was freed.
    [[nodiscard]] std::uint64_t number_of(std::span<const std::byte> pages) const;
    // The mark of the thread that allocated one of blocks() (os/thread_mark.h); 0: none, or freed.
    [[nodiscard]] std::uint64_t mark_of(std::span<const std::byte> pages) const;
    // The number of the latest block when this scope began.
    [[nodiscard]] std::uint64_t number_before() const { return number_before_; }
    // Calls `use` with one of blocks(), which the libraries cannot free meanwhile: who tries waits.
    // False if they have, or if another thread is using it just now.
    [[nodiscard]] bool with(std::span<std::byte> pages, const std::function<void()>& use) const;

private:
    std::optional<PrefaultThreads> threads_;
    bool open_ = false;
    Record record_;
    std::uint64_t number_before_ = 0;
    std::string obstacle_;
};

// Why blocks that `libraries` allocate cannot be recorded; empty if they can.
[[nodiscard]] std::string obstacle_to_recording(const std::vector<std::string_view>& libraries);

// Blocks smaller than this are left alone: they do not hold a whole huge page, or hardly.
inline constexpr std::uint64_t k_large_block_bytes_min = std::uint64_t{4} << 20;

}  // namespace larder::internal::os
