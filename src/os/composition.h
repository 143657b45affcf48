// Decides which part of a file can be mapped at a given place in memory, and which must be copied.
#pragma once

#include <cstdint>

namespace larder::internal::os {

// Shorter runs of pages are not worth a mapping of their own.
inline constexpr std::uint64_t k_mapped_bytes_min = std::uint64_t{64} << 10;

// A part of a piece; offsets are from the piece's beginning.
struct MappedPart {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;

    [[nodiscard]] std::uint64_t size_bytes() const { return end - begin; }
};

// Returns the whole pages of a piece that can be mapped: the piece begins `in_page` bytes after the
// beginning of a page in memory, and at `file_offset`, which must have the same offset in its page.
// Empty: all of the piece must be copied.
[[nodiscard]] MappedPart mapped_part(std::uint64_t in_page, std::uint64_t file_offset,
                                     std::uint64_t size_bytes);

}  // namespace larder::internal::os
