// The beginning of an object that holds a blob compressed: where each of the blob's frames is, and
// how it is to be undone. The grammar is in docs/format.md.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace larder::internal::format {

// What was done to the bytes of a frame. Shuffled by n: of each n bytes in a row, all first ones
// come first, then all second ones…; what is left over at the end stays there.
enum class FrameMethod { stored, zstd, shuffled_by_2_zstd, shuffled_by_4_zstd };

struct Frame {
    FrameMethod method = FrameMethod::stored;
    std::uint64_t offset = 0;  // in the object
    std::uint64_t bytes = 0;   // there

    bool operator==(const Frame&) const = default;
};

struct Compressed {
    std::uint64_t blob_bytes = 0;
    Digest blob;  // as of an object
    std::vector<Frame>
        frames;  // one after the other, from the end of the table to that of the object

    bool operator==(const Compressed&) const = default;
};

// What of the blob one frame holds; the last one holds what remains. The same as of an object's
// chunks, so that a blob's digest is that of its frames.
inline constexpr std::uint64_t k_frame_bytes = k_chunk_size_bytes;

[[nodiscard]] constexpr std::uint64_t frame_count(std::uint64_t blob_bytes) {
    return chunk_count(blob_bytes);
}
// Of the blob, in that frame.
[[nodiscard]] constexpr std::uint64_t frame_bytes(std::uint64_t blob_bytes, std::uint64_t frame) {
    return std::min(k_frame_bytes, blob_bytes - frame * k_frame_bytes);
}
[[nodiscard]] constexpr std::uint64_t compressed_table_bytes(std::uint64_t frames) {
    return 72 + frames * 24;
}

// The first bytes of the object. `compressed` must be one that decode_compressed accepts.
[[nodiscard]] std::vector<std::byte> encode_compressed(const Compressed& compressed);

// From the first bytes of an object of `object_bytes`, its whole table or more. Errc::unsupported
// for a newer version, Errc::damaged for everything else that encode_compressed does not write, or
// whose frames are not the rest of the object.
[[nodiscard]] Result<Compressed> decode_compressed(std::span<const std::byte> beginning,
                                                   std::uint64_t object_bytes);

}  // namespace larder::internal::format
