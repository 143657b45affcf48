#include "format/variant.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "format/integers.h"

namespace larder::internal::format {
namespace {

constexpr std::array<char, 8> k_variant_magic = {'L', 'A', 'R', 'D', 'V', 'R', 'N', 'T'};
constexpr std::uint64_t k_variant_version = 1;
constexpr std::uint64_t k_bytes_max = std::numeric_limits<std::int64_t>::max();

std::uint64_t to_number(SegmentSource source) { return source == SegmentSource::own ? 1 : 0; }

void append_digest(std::vector<std::byte>& bytes, const Digest& digest) {
    const auto span = std::as_bytes(std::span(digest.bytes));
    bytes.insert(bytes.end(), span.begin(), span.end());
}

Digest read_digest(std::span<const std::byte> bytes, std::size_t offset) {
    Digest digest;
    std::memcpy(digest.bytes.data(), bytes.data() + offset, Digest::k_size_bytes);
    return digest;
}

bool is_inside(std::uint64_t offset, std::uint64_t bytes, std::uint64_t begin, std::uint64_t end) {
    return offset >= begin && offset <= end && bytes <= end - offset;
}

}  // namespace

bool begins_variant(std::span<const std::byte> beginning) {
    return beginning.size() >= k_variant_magic.size() &&
           std::memcmp(beginning.data(), k_variant_magic.data(), k_variant_magic.size()) == 0;
}

std::vector<std::byte> encode_variant(const Variant& variant) {
    const auto magic = std::as_bytes(std::span(k_variant_magic));
    std::vector<std::byte> bytes(magic.begin(), magic.end());
    bytes.reserve(variant_table_bytes(variant.segments.size()));
    append_u64(bytes, k_variant_version);
    append_u64(bytes, variant.blob_bytes);
    append_digest(bytes, variant.blob);
    append_u64(bytes, variant.base_bytes);
    append_digest(bytes, variant.base);
    append_u64(bytes, variant.start_in_page);
    append_u64(bytes, variant.segments.size());
    append_u64(bytes, 0);
    for (const auto& segment : variant.segments) {
        append_u64(bytes, to_number(segment.source));
        append_u64(bytes, segment.offset);
        append_u64(bytes, segment.bytes);
    }
    return bytes;
}

Result<Variant> decode_variant(std::span<const std::byte> beginning, std::uint64_t object_bytes) {
    const auto damaged = [](const char* what) { return fail(Errc::damaged, what); };
    if (!begins_variant(beginning) || beginning.size() < variant_table_bytes(0)) {
        return damaged("not a variant");
    }
    if (read_u64(beginning, 8) > k_variant_version) {
        return fail(Errc::unsupported, "a variant of a newer larder");
    }
    Variant variant;
    variant.blob_bytes = read_u64(beginning, 16);
    variant.blob = read_digest(beginning, 24);
    variant.base_bytes = read_u64(beginning, 56);
    variant.base = read_digest(beginning, 64);
    variant.start_in_page = read_u64(beginning, 96);
    const auto count = read_u64(beginning, 104);
    if (read_u64(beginning, 8) != k_variant_version || read_u64(beginning, 112) != 0 ||
        variant.blob_bytes > k_bytes_max || variant.base_bytes > k_bytes_max ||
        variant.start_in_page >= k_variant_page_bytes ||
        variant.start_in_page % k_variant_alignment_bytes != 0 || count > k_segments_max ||
        variant_table_bytes(count) > std::min<std::uint64_t>(beginning.size(), object_bytes)) {
        return damaged("a variant with a wrong header");
    }
    std::uint64_t left = variant.blob_bytes;
    for (std::size_t i = 0; i < count; ++i) {
        const auto at = variant_table_bytes(i);
        const auto source = read_u64(beginning, at);
        Segment segment;
        segment.source = source == 0 ? SegmentSource::base : SegmentSource::own;
        segment.offset = read_u64(beginning, at + 8);
        segment.bytes = read_u64(beginning, at + 16);
        const bool is_base = segment.source == SegmentSource::base;
        const auto begin = is_base ? 0 : variant_table_bytes(count);
        const auto end = is_base ? variant.base_bytes : object_bytes;
        if (source > 1 || segment.bytes == 0 || segment.bytes > left ||
            !is_inside(segment.offset, segment.bytes, begin, end)) {
            return damaged("a variant with a segment that is nowhere");
        }
        left -= segment.bytes;
        variant.segments.push_back(segment);
    }
    if (left != 0) return damaged("a variant that is not all of its blob");
    return variant;
}

}  // namespace larder::internal::format
