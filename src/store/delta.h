// From what two blobs have in common to the pieces that one of them is kept as. Works on memory
// alone. Private to store/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "format/variant.h"
#include "store/matching.h"

namespace larder::internal::store {

// Bytes of the blob that its delta holds itself.
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

// Part of the blob. What lies otherwise in memory than in the base's pages is copied by each load,
// which takes time, and memory for as long as the blob is used: more of it is kept once more.
inline constexpr std::uint64_t k_copied_part_max = 16;

// Nothing where it would not pay: the delta is more than half of the blob, or has too many pieces.
// `matches` are those of `blob` with its base.
[[nodiscard]] std::optional<Delta> plan_delta(std::span<const std::byte> blob,
                                              std::uint64_t base_bytes,
                                              std::span<const Match> matches);

}  // namespace larder::internal::store
