// The beginning of an object that is a variant: how its bytes and those of another object, its
// base, make up a blob. The grammar is in docs/format.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace larder::internal::format {

// The object that holds the bytes of a segment.
enum class SegmentSource { base, own };

struct Segment {
    SegmentSource source = SegmentSource::base;
    std::uint64_t offset = 0;  // in that object
    std::uint64_t bytes = 0;

    bool operator==(const Segment&) const = default;
};

struct Variant {
    std::uint64_t blob_bytes = 0;
    Digest blob;  // computed like an object's
    std::uint64_t base_bytes = 0;
    Digest base;
    // The offset of the blob's beginning in its page when it is mapped.
    std::uint64_t start_in_page = 0;
    std::vector<Segment> segments;  // concatenated, they are the blob

    bool operator==(const Variant&) const = default;
};

inline constexpr std::size_t k_segments_max = 4096;
// The page size of offsets, and the alignment of constants in a blob.
inline constexpr std::uint64_t k_variant_page_bytes = 4096;
inline constexpr std::uint64_t k_variant_alignment_bytes = 64;

[[nodiscard]] constexpr std::uint64_t variant_table_bytes(std::size_t segments) {
    return 120 + segments * 24;
}
inline constexpr std::uint64_t k_variant_table_bytes_max = variant_table_bytes(k_segments_max);

// Tells whether an object that begins with these bytes may be a variant.
[[nodiscard]] bool begins_variant(std::span<const std::byte> beginning);

// Returns the first bytes of the object. `variant` must be one that decode_variant accepts.
[[nodiscard]] std::vector<std::byte> encode_variant(const Variant& variant);

// Reads the first bytes of an object of `object_bytes`: all of them, or as many as
// k_variant_table_bytes_max. Errc::unsupported for a newer version, Errc::damaged for everything
// that encode_variant does not write, or whose segments do not lie within their objects.
[[nodiscard]] Result<Variant> decode_variant(std::span<const std::byte> beginning,
                                             std::uint64_t object_bytes);

}  // namespace larder::internal::format
