// Computes, from the matches of two blobs, the pieces that one of them is stored as. Works on
// memory alone. Private to store/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "format/variant.h"
#include "store/matching.h"

namespace larder::internal::store {

// Bytes of the blob that the delta itself holds.
struct Literal {
    std::uint64_t offset = 0;      // in the blob
    std::uint64_t own_offset = 0;  // in the delta
    std::uint64_t bytes = 0;
};

struct Delta {
    format::Variant variant;  // without the digests
    std::vector<Literal> literals;
    std::uint64_t own_bytes = 0;     // the length of the object
    std::uint64_t copied_bytes = 0;  // what each load copies, because it cannot be mapped
};

// Limits copied bytes to this part of the blob. Each load copies bytes whose alignment differs from
// that in the base, which takes time, and memory while the blob is used; beyond the limit such
// bytes are stored again.
inline constexpr std::uint64_t k_copied_part_max = 16;

// Returns nothing if a delta would not pay: it is larger than half of the blob, or has too many
// pieces. `matches` are those of `blob` with its base.
[[nodiscard]] std::optional<Delta> plan_delta(std::span<const std::byte> blob,
                                              std::uint64_t base_bytes,
                                              std::span<const Match> matches);

}  // namespace larder::internal::store
