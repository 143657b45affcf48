#include <algorithm>

#include "process/prefault.h"

namespace larder::internal::process {
namespace {

// Small pages take 0.5 ms for a MiB, huge ones a tenth of that, or 2 ms if a host has to find the
// memory first.
constexpr std::int64_t k_slow_ns_per_mib = 500'000;
// A slow probe takes as long as 4 MiB in small pages.
constexpr std::int64_t k_pause_bytes_min = std::int64_t{32} << 20;
constexpr std::int64_t k_pause_bytes_max = std::int64_t{256} << 20;

}  // namespace

PageChoice::Pages PageChoice::next(std::uint64_t size_bytes) noexcept {
    if (quick_) return Pages::huge;
    const auto size = static_cast<std::int64_t>(size_bytes);
    return small_bytes_left_.fetch_sub(size) > 0 ? Pages::small : Pages::probe;
}

bool PageChoice::note(std::uint64_t size_bytes, std::int64_t took_ns) noexcept {
    const auto mib = static_cast<std::int64_t>(size_bytes >> 20);
    const bool quick = took_ns <= k_slow_ns_per_mib * std::max<std::int64_t>(mib, 1);
    quick_ = quick;
    if (quick) {
        pause_bytes_ = 0;
    } else {
        const auto pause =
            std::clamp(pause_bytes_.load() * 2, k_pause_bytes_min, k_pause_bytes_max);
        pause_bytes_ = pause;
        small_bytes_left_ = pause;
    }
    return quick;
}

}  // namespace larder::internal::process
