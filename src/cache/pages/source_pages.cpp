#include "cache/pages/source_pages.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

#include "os/address_space.h"
#include "os/system.h"

namespace larder::internal::cache {
namespace {

using Range = std::span<const std::byte>;

// For less than this, the thread costs more than it saves.
constexpr std::uint64_t k_weights_bytes_min = std::uint64_t{64} << 20;
constexpr std::uint64_t k_source_resident_bytes_max = std::uint64_t{128} << 20;
constexpr std::uint64_t k_held_part = 16;
constexpr auto k_sources_look_every = std::chrono::milliseconds(20);
// Weights lie in a file one after the other, aligned.
constexpr std::ptrdiff_t k_gap_bytes_max = 4095;

const std::byte* end_of(Range range) { return range.data() + range.size(); }

std::vector<Range> joined(std::vector<Range> ranges) {
    std::ranges::sort(ranges, std::less<>{}, [](Range range) { return range.data(); });
    std::vector<Range> result;
    for (const auto range : ranges) {
        // A gap as small as this contains no whole page.
        if (!result.empty() && range.data() <= end_of(result.back()) + k_gap_bytes_max) {
            auto& last = result.back();
            last = {last.data(), std::max(end_of(last), end_of(range))};
        } else {
            result.push_back(range);
        }
    }
    return result;
}

std::uint64_t sum_of_sizes(const std::vector<Range>& ranges) {
    std::uint64_t bytes = 0;
    for (const auto range : ranges) bytes += range.size();
    return bytes;
}

std::vector<Range> droppable(std::vector<Range> weights) {
    os::ProcAddressSpace address_space;
    const auto mappings = address_space.file_mappings();
    if (!mappings) return {};
    const auto may_be_dropped = [&](Range range) {
        return std::ranges::any_of(*mappings, [&](const os::FileMapping& mapping) {
            return mapping.access == os::Access::read_only &&
                   mapping.sharing == os::Sharing::shared &&
                   mapping.memory.data() <= range.data() && end_of(range) <= end_of(mapping.memory);
        });
    };
    std::erase_if(weights, [&](Range range) { return !may_be_dropped(range); });
    auto ranges = joined(std::move(weights));
    if (sum_of_sizes(ranges) < k_weights_bytes_min) ranges.clear();
    return ranges;
}

}  // namespace

// Without a thread the pages stay resident.
SourcePages::SourcePages(const std::vector<std::span<const std::byte>>& weights)
    : droppable_(droppable(weights)),
      weight_bytes_(sum_of_sizes(weights)),
      hold_the_weights_(!droppable_.empty() && sum_of_sizes(droppable_) >=
                                                   weight_bytes_ / k_held_part * (k_held_part - 1)),
      resident_before_(os::read_memory_info().file_rss_bytes) {
    if (!droppable_.empty()) thread_.start([this](const std::stop_token& stop) { run(stop); });
}

void SourcePages::drop() const noexcept {
    os::ProcAddressSpace address_space;
    for (const auto range : droppable_) address_space.drop_resident(range);
}

void SourcePages::run(const std::stop_token& stop) const {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
        if (os::read_memory_info().file_rss_bytes >
            resident_before_ + k_source_resident_bytes_max) {
            drop();
        }
        wake.wait_for(lock, stop, k_sources_look_every, [] { return false; });
    }
}

}  // namespace larder::internal::cache
