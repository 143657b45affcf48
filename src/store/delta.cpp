#include "store/delta.h"

#include <algorithm>
#include <array>

#include "os/composition.h"
#include "store/windows.h"

namespace larder::internal::store {
namespace {

using format::k_variant_page_bytes;
using format::SegmentSource;

// Shorter matches that cannot be mapped are cheaper to store again.
constexpr std::uint64_t k_copied_segment_bytes_min = std::uint64_t{16} << 10;
// The number of earlier literals that are searched for repetitions of a later one.
constexpr std::size_t k_repeated_literals_max = 8;

// A part of the blob that becomes a segment.
struct Piece {
    std::uint64_t offset = 0;  // in the blob
    std::uint64_t bytes = 0;
    SegmentSource source = SegmentSource::own;
    // Offset in the base; or in the blob, for an own piece that repeats an earlier literal.
    std::optional<std::uint64_t> from{};
};

// Returns the offset in its page at which the blob has to begin, so that as many bytes as possible
// of the base have the same offset in their page in memory and in the file.
std::uint64_t best_start(std::span<const Match> matches) {
    constexpr auto k_step = format::k_variant_alignment_bytes;
    std::array<std::uint64_t, k_variant_page_bytes / k_step> bytes{};
    for (const auto& match : matches) {
        const auto in_page = (match.base_offset - match.offset) % k_variant_page_bytes;
        if (in_page % k_step == 0) bytes.at(in_page / k_step) += match.bytes;
    }
    const auto best = std::max_element(bytes.begin(), bytes.end());
    return static_cast<std::uint64_t>(best - bytes.begin()) * k_step;
}

// Returns the whole pages of a match that can be mapped, if they are worth it.
std::optional<Match> mappable_part(const Match& match, std::uint64_t start) {
    const auto place = start + match.offset;
    if (place % k_variant_page_bytes == match.base_offset % k_variant_page_bytes) {
        const auto skipped =
            (k_variant_page_bytes - place % k_variant_page_bytes) % k_variant_page_bytes;
        if (match.bytes >= skipped + os::k_mapped_bytes_min) {
            const auto whole =
                (match.bytes - skipped) / k_variant_page_bytes * k_variant_page_bytes;
            return Match{match.offset + skipped, match.base_offset + skipped, whole};
        }
    }
    return std::nullopt;
}

// Of the matches that can only be copied, either all are copied, if they are few, or none.
enum class Copies { no, yes };

Copies copies_of(std::span<const Match> matches, std::uint64_t start, std::uint64_t blob_bytes) {
    std::uint64_t bytes = 0;
    for (const auto& match : matches) {
        if (!mappable_part(match, start)) bytes += match.bytes;
    }
    return bytes <= blob_bytes / k_copied_part_max ? Copies::yes : Copies::no;
}

// Cuts [offset, end) into the parts that `matches` cover and the rest.
void cut(std::uint64_t offset, std::uint64_t end, std::span<const Match> matches,
         std::uint64_t start, SegmentSource source, Copies copies, std::vector<Piece>& pieces) {
    const auto add_literal = [&](std::uint64_t until) {
        if (until > offset) pieces.push_back({offset, until - offset, SegmentSource::own, {}});
    };
    for (const auto& match : matches) {
        auto part = mappable_part(match, start);
        if (!part && copies == Copies::yes && match.bytes >= k_copied_segment_bytes_min) {
            part = match;
        }
        if (!part) continue;
        add_literal(part->offset);
        pieces.push_back({part->offset, part->bytes, source, part->base_offset});
        offset = part->offset + part->bytes;
    }
    add_literal(end);
}

// Returns the offset at which a literal has new bytes: literals consist of whole pages, and the
// first page may begin with bytes that the base also has.
std::uint64_t begin_of_new(std::span<const Match> matches, const Piece& literal) {
    const auto end_of = [](const Match& match) { return match.offset + match.bytes; };
    const auto first =
        std::partition_point(matches.begin(), matches.end(),
                             [&](const Match& match) { return end_of(match) <= literal.offset; });
    if (first == matches.end() || first->offset >= literal.offset) return literal.offset;
    return end_of(*first) < literal.offset + literal.bytes ? end_of(*first) : literal.offset;
}

// Stores repeated constants once, such as those that every layer of a model has.
class Repetitions {
public:
    Repetitions(std::span<const std::byte> blob, std::span<const Match> matches,
                std::uint64_t start)
        : blob_(blob),
          matches_(matches),
          start_(start),
          copied_bytes_max_(blob.size() / k_copied_part_max) {}

    std::vector<Piece> leave_out(const std::vector<Piece>& pieces) {
        std::vector<Piece> result;
        for (const auto& piece : pieces) {
            if (piece.from || piece.bytes < os::k_mapped_bytes_min) {
                result.push_back(piece);
            } else {
                add(piece, result);
            }
        }
        return result;
    }

private:
    struct Known {
        std::uint64_t begin;
        std::uint64_t end;
    };

    void add(const Piece& piece, std::vector<Piece>& result) {
        const Known now{begin_of_new(matches_, piece), piece.offset + piece.bytes};
        // Pages of a literal have the same alignment in the delta as in memory.
        Match best{now.begin, 0, 0};
        for (const auto& known : known_) {
            const auto bytes =
                common_prefix_bytes(blob_.subspan(now.begin, now.end - now.begin),
                                    blob_.subspan(known.begin, known.end - known.begin));
            if (bytes > best.bytes) best = {now.begin, known.begin + start_, bytes};
        }
        if (best.bytes <= piece.bytes / 2) {
            if (known_.size() < k_repeated_literals_max) known_.push_back(now);
            result.push_back(piece);
            return;
        }
        auto copies = Copies::yes;
        if (!mappable_part(best, start_)) {
            if (best.bytes > copied_bytes_max_) copies = Copies::no;
            if (copies == Copies::yes) copied_bytes_max_ -= best.bytes;
        }
        const auto first = result.size();
        cut(piece.offset, now.end, std::span(&best, 1), start_, SegmentSource::own, copies, result);
        for (auto i = first; i < result.size(); ++i) {
            if (result[i].from) *result[i].from -= start_;
        }
    }

    std::span<const std::byte> blob_;
    std::span<const Match> matches_;
    std::uint64_t start_;
    std::uint64_t copied_bytes_max_;
    std::vector<Known> known_;
};

// Assigns the literals their offsets in the delta, so that the pages of large ones can be mapped.
void place_literals(const std::vector<Piece>& pieces, Delta& delta) {
    const auto start = delta.variant.start_in_page;
    delta.own_bytes = format::variant_table_bytes(pieces.size());
    for (const auto& piece : pieces) {
        if (piece.from) continue;
        if (piece.bytes >= os::k_mapped_bytes_min) {
            const auto wanted = (start + piece.offset) % k_variant_page_bytes;
            const auto there = delta.own_bytes % k_variant_page_bytes;
            delta.own_bytes += (wanted + k_variant_page_bytes - there) % k_variant_page_bytes;
        }
        delta.literals.push_back({piece.offset, delta.own_bytes, piece.bytes});
        delta.own_bytes += piece.bytes;
    }
}

std::uint64_t own_offset(const Delta& delta, std::uint64_t blob_offset) {
    const auto after = std::upper_bound(
        delta.literals.begin(), delta.literals.end(), blob_offset,
        [](std::uint64_t value, const Literal& literal) { return value < literal.offset; });
    const auto& literal = *std::prev(after);
    return literal.own_offset + (blob_offset - literal.offset);
}

void add_segments(const std::vector<Piece>& pieces, Delta& delta) {
    for (const auto& piece : pieces) {
        const auto from = piece.source == SegmentSource::base
                              ? *piece.from
                              : own_offset(delta, piece.from.value_or(piece.offset));
        delta.variant.segments.push_back({piece.source, from, piece.bytes});
        const auto mapped =
            os::mapped_part(delta.variant.start_in_page + piece.offset, from, piece.bytes);
        delta.copied_bytes += piece.bytes - mapped.size_bytes();
    }
}

}  // namespace

std::optional<Delta> plan_delta(std::span<const std::byte> blob, std::uint64_t base_bytes,
                                std::span<const Match> matches) {
    Delta delta;
    delta.variant.blob_bytes = blob.size();
    delta.variant.base_bytes = base_bytes;
    const auto start = delta.variant.start_in_page = best_start(matches);
    std::vector<Piece> pieces;
    cut(0, blob.size(), matches, start, SegmentSource::base, copies_of(matches, start, blob.size()),
        pieces);
    pieces = Repetitions(blob, matches, start).leave_out(pieces);
    if (pieces.size() > format::k_segments_max) return std::nullopt;
    place_literals(pieces, delta);
    if (delta.own_bytes > blob.size() / 2) return std::nullopt;
    add_segments(pieces, delta);
    return delta;
}

}  // namespace larder::internal::store
