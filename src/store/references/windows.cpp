#include "store/references/windows.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace larder::internal::store {
namespace {

constexpr std::uint64_t k_windows_max = std::uint64_t{1} << 20;
constexpr std::uint64_t k_read_bytes = std::uint64_t{8} << 20;
constexpr std::uint64_t k_compare_bytes = std::uint64_t{16} << 10;

std::uint64_t hash_window(const std::byte* bytes) {
    std::uint64_t hash = 0;
    for (std::uint64_t i = 0; i < k_window_bytes; i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes + i, 8);
        hash = (std::rotl(hash, 29) ^ word) * 0x9e3779b97f4a7c15U;
    }
    return hash ^ hash >> 32;
}

// Fillings are everywhere, and do not show where bytes came from.
bool is_filling(const std::byte* bytes) {
    return std::memcmp(bytes, bytes + 8, k_window_bytes - 8) == 0;
}

std::uint64_t tag_of(std::uint64_t hash) { return hash >> 48; }

}  // namespace

Windows::Windows(std::vector<std::span<const std::byte>> ranges, std::uint64_t stretch_bytes_min,
                 const std::function<void()>& has_read)
    : ranges_(std::move(ranges)) {
    std::uint64_t bytes = 0;
    for (const auto& range : ranges_) {
        begins_.push_back(bytes);
        bytes += range.size();
    }
    stretch_bytes_ = std::max(stretch_bytes_min, std::bit_ceil(bytes / k_windows_max + 1));
    slots_.resize(std::bit_ceil(2 * (bytes / stretch_bytes_ + ranges_.size() + 1)));
    std::uint64_t read_bytes = 0;
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
        const auto& range = ranges_[i];
        for (std::uint64_t at = 0; at + k_window_bytes <= range.size(); at += stretch_bytes_) {
            if (!is_filling(range.data() + at)) insert(range.data() + at, begins_[i] + at);
            read_bytes += stretch_bytes_;
            if (has_read && read_bytes >= k_read_bytes) {
                has_read();
                read_bytes = 0;
            }
        }
    }
}

Windows::Place Windows::place_of(std::uint64_t position) const {
    const auto after = std::ranges::upper_bound(begins_, position);
    const auto range = static_cast<std::uint32_t>(after - begins_.begin() - 1);
    return {range, position - begins_[range]};
}

void Windows::insert(const std::byte* window, std::uint64_t position) {
    const auto hash = hash_window(window);
    auto i = hash & mask();
    while (slots_[i].used) {
        // Of several equal windows, only the first gets a slot.
        if (slots_[i].tag == tag_of(hash)) return;
        i = (i + 1) & mask();
    }
    slots_[i].position = position & ((std::uint64_t{1} << 47) - 1);
    slots_[i].tag = tag_of(hash) & 0xffff;
    slots_[i].used = 1;
}

std::optional<Windows::Place> Windows::find(const std::byte* window) const {
    const auto hash = hash_window(window);
    for (auto i = hash & mask(); slots_[i].used; i = (i + 1) & mask()) {
        if (slots_[i].tag != tag_of(hash)) continue;
        const auto place = place_of(slots_[i].position);
        if (std::memcmp(ranges_[place.range].data() + place.offset, window, k_window_bytes) == 0) {
            return place;
        }
    }
    return std::nullopt;
}

std::uint64_t common_prefix_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
    const auto bytes_max = std::min(a.size(), b.size());
    std::uint64_t done = 0;
    while (done < bytes_max) {
        const auto bytes = std::min(k_compare_bytes, bytes_max - done);
        if (std::memcmp(a.data() + done, b.data() + done, bytes) != 0) break;
        done += bytes;
    }
    while (done < bytes_max && a[done] == b[done]) ++done;
    return done;
}

std::uint64_t common_suffix_bytes(const std::byte* a_end, const std::byte* b_end,
                                  std::uint64_t bytes_max) {
    std::uint64_t done = 0;
    while (done < bytes_max && a_end[-1 - static_cast<std::ptrdiff_t>(done)] ==
                                   b_end[-1 - static_cast<std::ptrdiff_t>(done)]) {
        ++done;
    }
    return done;
}

}  // namespace larder::internal::store
