// Finds the bytes that two blobs have in common. Works on memory alone. Private to store/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace larder::internal::store {

// Bytes of a blob that are the same in its base.
struct Match {
    std::uint64_t offset = 0;       // in the blob
    std::uint64_t base_offset = 0;  // in the base
    std::uint64_t bytes = 0;

    bool operator==(const Match&) const = default;
};

// Shorter matches are not reported.
inline constexpr std::uint64_t k_match_bytes_min = 4096;

// Returns matches ordered by offset, without overlaps; each was compared byte by byte. Finds bytes
// that were moved by a multiple of 64 bytes, to which runtimes align large data. Uses a table of at
// most 32 MB.
[[nodiscard]] std::vector<Match> find_matches(std::span<const std::byte> blob,
                                              std::span<const std::byte> base, unsigned threads);

}  // namespace larder::internal::store
