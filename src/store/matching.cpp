#include "store/matching.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "base/parallel.h"

namespace larder::internal::store {
namespace {

// What is looked up, and the steps in which the blob is searched.
constexpr std::uint64_t k_window_bytes = 64;
// The base is known by a window in each stretch of this length: what is the same over twice as much
// is found.
constexpr std::uint64_t k_stretch_bytes_min = 2048;
constexpr std::uint64_t k_windows_max = std::uint64_t{1} << 20;
// Each is searched by one thread.
constexpr std::uint64_t k_stripe_bytes = std::uint64_t{16} << 20;
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

// Zeros and other fillings are everywhere, and tell nothing of where they came from.
bool is_filling(const std::byte* bytes) {
    return std::memcmp(bytes, bytes + 8, k_window_bytes - 8) == 0;
}

// Where windows of the base are. The first of several that are the same counts.
class Windows {
public:
    explicit Windows(std::span<const std::byte> base) : base_(base) {
        const auto stretch =
            std::max(k_stretch_bytes_min, std::bit_ceil(base.size() / k_windows_max + 1));
        const auto count = base.size() / stretch + 1;
        slots_.resize(std::bit_ceil(2 * count));
        for (std::uint64_t at = 0; at + k_window_bytes <= base.size(); at += stretch) {
            if (!is_filling(base.data() + at)) insert(at);
        }
    }

    [[nodiscard]] std::optional<std::uint64_t> find(const std::byte* window) const {
        const auto hash = hash_window(window);
        for (auto i = hash & mask(); slots_[i].used; i = (i + 1) & mask()) {
            if (slots_[i].tag != tag_of(hash)) continue;
            const auto at = slots_[i].offset;
            if (std::memcmp(base_.data() + at, window, k_window_bytes) == 0) return at;
        }
        return std::nullopt;
    }

private:
    struct Slot {
        std::uint64_t offset : 47 = 0;
        std::uint64_t tag : 16 = 0;
        std::uint64_t used : 1 = 0;
    };

    [[nodiscard]] std::uint64_t mask() const { return slots_.size() - 1; }
    [[nodiscard]] static std::uint64_t tag_of(std::uint64_t hash) { return hash >> 48; }
    void insert(std::uint64_t at) {
        const auto hash = hash_window(base_.data() + at);
        auto i = hash & mask();
        while (slots_[i].used) {
            // Of many that are the same, none more is worth a slot.
            if (slots_[i].tag == tag_of(hash)) return;
            i = (i + 1) & mask();
        }
        slots_[i].offset = at & ((std::uint64_t{1} << 47) - 1);
        slots_[i].tag = tag_of(hash) & 0xffff;
        slots_[i].used = 1;
    }

    std::span<const std::byte> base_;
    std::vector<Slot> slots_;
};

std::uint64_t common_suffix(const std::byte* a_end, const std::byte* b_end,
                            std::uint64_t bytes_max) {
    std::uint64_t done = 0;
    while (done < bytes_max && a_end[-1 - static_cast<std::ptrdiff_t>(done)] ==
                                   b_end[-1 - static_cast<std::ptrdiff_t>(done)]) {
        ++done;
    }
    return done;
}

// Searches one part of a blob.
class Search {
public:
    Search(std::span<const std::byte> blob, std::span<const std::byte> base, const Windows& windows)
        : blob_(blob), base_(base), windows_(windows) {}

    std::vector<Match> run(std::uint64_t begin, std::uint64_t end) {
        auto free_from = begin;  // nothing before it can be a part of the next match
        auto at = begin;
        while (at + k_window_bytes <= end) {
            const auto found = find(at);
            if (!found) {
                at += k_window_bytes;
                continue;
            }
            const auto match = extend(at, *found, free_from, end);
            base_minus_blob_ = *found - at;
            const auto match_end = match.offset + match.bytes;
            if (match.bytes >= k_match_bytes_min) {
                matches_.push_back(match);
                free_from = match_end;
            }
            at = std::max(at + k_window_bytes,
                          (match_end + k_window_bytes - 1) / k_window_bytes * k_window_bytes);
        }
        return std::move(matches_);
    }

private:
    // The same way as the last match, before any other.
    [[nodiscard]] std::optional<std::uint64_t> find(std::uint64_t at) const {
        const auto* const window = blob_.data() + at;
        const auto straight = at + base_minus_blob_;  // modulo 2^64
        if (straight < base_.size() && k_window_bytes <= base_.size() - straight &&
            std::memcmp(base_.data() + straight, window, k_window_bytes) == 0) {
            return straight;
        }
        if (is_filling(window)) return std::nullopt;
        return windows_.find(window);
    }

    [[nodiscard]] Match extend(std::uint64_t at, std::uint64_t base_at, std::uint64_t free_from,
                               std::uint64_t end) const {
        const auto before = common_suffix(blob_.data() + at, base_.data() + base_at,
                                          std::min(at - free_from, base_at));
        const auto after = common_prefix_bytes(blob_.subspan(at, end - at), base_.subspan(base_at));
        return {at - before, base_at - before, before + after};
    }

    std::span<const std::byte> blob_;
    std::span<const std::byte> base_;
    const Windows& windows_;
    std::uint64_t base_minus_blob_ = 0;
    std::vector<Match> matches_;
};

}  // namespace

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

std::vector<Match> find_matches(std::span<const std::byte> blob, std::span<const std::byte> base,
                                unsigned threads) {
    const Windows windows(base);
    std::vector<std::vector<Match>> found((blob.size() + k_stripe_bytes - 1) / k_stripe_bytes);
    static_cast<void>(
        parallel_for(found.size(), threads, [&](std::uint64_t stripe) -> Result<void> {
            const auto begin = stripe * k_stripe_bytes;
            found[stripe] = Search(blob, base, windows)
                                .run(begin, std::min(blob.size(), begin + k_stripe_bytes));
            return {};
        }));
    std::vector<Match> matches;
    for (const auto& part : found) {
        for (const auto& match : part) {
            // What a border between two parts has cut.
            if (!matches.empty() && matches.back().offset + matches.back().bytes == match.offset &&
                matches.back().base_offset + matches.back().bytes == match.base_offset) {
                matches.back().bytes += match.bytes;
            } else {
                matches.push_back(match);
            }
        }
    }
    return matches;
}

}  // namespace larder::internal::store
