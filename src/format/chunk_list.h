// The list of the digests of an object's chunks, stored beside the object. Only a hint: the
// object's name proves its bytes without the list, which shows which chunk is damaged. The grammar
// is in docs/format.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace larder::internal::format {

struct ChunkList {
    std::uint64_t total_bytes = 0;
    std::vector<Digest> chunks;

    bool operator==(const ChunkList&) const = default;
};

// Returns the length of the list's file for an object of `total_bytes`.
[[nodiscard]] constexpr std::uint64_t chunk_list_bytes(std::uint64_t total_bytes) {
    return 40 + chunk_count(total_bytes) * Digest::k_size_bytes;
}

[[nodiscard]] std::vector<std::byte> encode_chunk_list(const ChunkList& list);
// Errc::unsupported for a newer version, Errc::damaged for everything else that is not the list of
// the object named `object`.
[[nodiscard]] Result<ChunkList> decode_chunk_list(std::span<const std::byte> bytes,
                                                  const Digest& object);

}  // namespace larder::internal::format
