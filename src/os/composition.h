// What of a file can be mapped at a given place in memory, and what must be copied there.
#pragma once

#include <cstdint>

namespace larder::internal::os {

// A shorter run of pages is not worth a mapping of its own.
inline constexpr std::uint64_t k_mapped_bytes_min = std::uint64_t{64} << 10;

// A part of a piece, counted from the piece's beginning.
struct MappedPart {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;

    [[nodiscard]] std::uint64_t size_bytes() const { return end - begin; }
};

// The whole pages of a piece that begins `in_page` bytes behind the beginning of a page in memory,
// if they lie alike in their file's pages. Empty: all of the piece is to be copied.
[[nodiscard]] MappedPart mapped_part(std::uint64_t in_page, std::uint64_t file_offset,
                                     std::uint64_t size_bytes);

}  // namespace larder::internal::os
