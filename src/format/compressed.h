// The beginning of an object that holds a compressed blob: the place of each frame of the blob, and
// how to decompress it. The grammar is in docs/format.md.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace larder::internal::format {

// How the bytes of a frame are encoded. Shuffled by n: of every n consecutive bytes, all first ones
// come first, then all second ones, and so on; remaining bytes at the end stay there.
enum class FrameMethod { stored, zstd, shuffled_by_2_zstd, shuffled_by_4_zstd };

struct Frame {
    FrameMethod method = FrameMethod::stored;
    std::uint64_t offset = 0;  // in the object
    std::uint64_t bytes = 0;   // in the object

    bool operator==(const Frame&) const = default;
};

struct Compressed {
    std::uint64_t blob_bytes = 0;
    Digest blob;  // computed like an object's
    std::vector<Frame>
        frames;  // one after the other, from the end of the table to the end of the object

    bool operator==(const Compressed&) const = default;
};

// The bytes of the blob in one frame; the last frame holds the remainder. The same as an object's
// chunk size, so that the blob's digest can be computed from its frames.
inline constexpr std::uint64_t k_frame_bytes = k_chunk_size_bytes;

[[nodiscard]] constexpr std::uint64_t frame_count(std::uint64_t blob_bytes) {
    return chunk_count(blob_bytes);
}
// Returns how many bytes of the blob the frame holds.
[[nodiscard]] constexpr std::uint64_t frame_bytes(std::uint64_t blob_bytes, std::uint64_t frame) {
    return std::min(k_frame_bytes, blob_bytes - frame * k_frame_bytes);
}
[[nodiscard]] constexpr std::uint64_t compressed_table_bytes(std::uint64_t frames) {
    return 72 + frames * 24;
}

// Returns the first bytes of the object. `compressed` must be one that decode_compressed accepts.
[[nodiscard]] std::vector<std::byte> encode_compressed(const Compressed& compressed);

// Reads the first bytes of an object of `object_bytes`: its whole table or more. Errc::unsupported
// for a newer version, Errc::damaged for everything else that encode_compressed does not write, or
// whose frames are not the rest of the object.
[[nodiscard]] Result<Compressed> decode_compressed(std::span<const std::byte> beginning,
                                                   std::uint64_t object_bytes);

}  // namespace larder::internal::format
