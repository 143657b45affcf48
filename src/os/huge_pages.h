// Huge pages for what a library allocates during a load.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace larder::internal::os {

enum class HugePages {
    unavailable,  // the kernel has none, they are switched off, or it does not say
    on_request,   // where madvise asks for them
    always,       // everywhere
};
// What this process may expect of transparent huge pages.
[[nodiscard]] HugePages transparent_huge_pages();

// What to do where a huge page costs more than the small ones in its place.
enum class SlowPages { stop, accept };

// While one lives, large blocks that the given libraries allocate lie in huge pages: filling fresh
// memory then takes a page fault for every 2 MiB rather than for every 4 KiB. The calls of these
// libraries alone are redirected, in their own tables of imports, and put back when the last scope
// ends or the budget is used up, whichever is first. Whichever thread calls is served: runtimes
// allocate on threads of their own.
//
// Asks for nothing, and never fails, where the kernel gives huge pages anyway or not at all; where
// a library is not loaded or does not import an allocator; on an unknown architecture; where
// somebody else was found to redirect the same calls. Where the machine proves to be slow to hand
// out huge pages, as a guest whose host takes free memory back, it stops after a few. Thread-safe.
class HugePageScope {
public:
    // `libraries` are file names without a version, "libx.so". At most `budget_bytes`, and the
    // block that reaches it, are asked for.
    HugePageScope(const std::vector<std::string_view>& libraries, std::uint64_t budget_bytes,
                  SlowPages slow_pages = SlowPages::stop);
    HugePageScope(const HugePageScope&) = delete;
    HugePageScope& operator=(const HugePageScope&) = delete;
    ~HugePageScope();

private:
    bool open_ = false;
};

// Blocks smaller than this are left alone: they do not hold a whole huge page, or hardly.
inline constexpr std::uint64_t k_huge_block_bytes_min = std::uint64_t{4} << 20;

}  // namespace larder::internal::os
