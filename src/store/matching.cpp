#include "store/matching.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/parallel.h"
#include "store/windows.h"

namespace larder::internal::store {
namespace {

// One window of each stretch of this length of the base is indexed: equal ranges of twice this
// length are found.
constexpr std::uint64_t k_stretch_bytes_min = 2048;
// One thread searches a stripe of this length.
constexpr std::uint64_t k_stripe_bytes = std::uint64_t{16} << 20;

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
    // Tries the displacement of the last match before any other.
    [[nodiscard]] std::optional<std::uint64_t> find(std::uint64_t at) const {
        const auto* const window = blob_.data() + at;
        const auto straight = at + base_minus_blob_;  // modulo 2^64
        if (straight < base_.size() && k_window_bytes <= base_.size() - straight &&
            std::memcmp(base_.data() + straight, window, k_window_bytes) == 0) {
            return straight;
        }
        const auto place = windows_.find(window);
        return place ? std::optional(place->offset) : std::nullopt;
    }

    [[nodiscard]] Match extend(std::uint64_t at, std::uint64_t base_at, std::uint64_t free_from,
                               std::uint64_t end) const {
        const auto before = common_suffix_bytes(blob_.data() + at, base_.data() + base_at,
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

std::vector<Match> find_matches(std::span<const std::byte> blob, std::span<const std::byte> base,
                                unsigned threads) {
    const Windows windows({base}, k_stretch_bytes_min);
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
            // Joins a match that the border between two stripes has cut.
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
