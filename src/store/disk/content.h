// Reads whole files at the speed of memory, chunk by chunk. Private to store/.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "os/file_system.h"

namespace larder::internal::store {

struct ContentDigest {
    Digest digest;
    std::vector<Digest> chunks;
};

// Gets each chunk after it was read; from several threads, in any order. An error ends the reading.
using ChunkVisitor =
    std::function<Result<void>(std::uint64_t offset, std::span<const std::byte> bytes)>;

// The digests of chunks, as far as they are known.
using KnownChunks = std::vector<std::optional<Digest>>;

// Reads and hashes the first `size_bytes` of a file with up to `threads` threads. Neither reads nor
// visits the chunks that are known.
[[nodiscard]] Result<ContentDigest> hash_file(os::File& file, std::uint64_t size_bytes,
                                              unsigned threads, const ChunkVisitor& visit = {},
                                              const KnownChunks& known = {});

// Reads the file in order, without hashing.
[[nodiscard]] Result<void> copy_file(os::File& file, std::uint64_t size_bytes,
                                     const ChunkVisitor& write);

}  // namespace larder::internal::store
