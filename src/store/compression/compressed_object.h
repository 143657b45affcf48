// Reads blobs that are stored compressed (format/compressed.h). Private to store/.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "format/compressed.h"
#include "store/disk/content.h"
#include "store/disk/context.h"
#include "store/disk/types.h"

namespace larder::internal::store {

// Does Store::open_blob for an entry in Encoding::compressed: verifies the object, then
// decompresses it on several threads, straight into memory of this process.
[[nodiscard]] Result<MappedObject> map_compressed(Context& context, const Manifest& manifest,
                                                  Verify policy, const ChunkVisitor& visit = {});

// Reads the table of an object that holds a blob of `blob_bytes`. Errc::damaged if it does not.
[[nodiscard]] Result<format::Compressed> read_frame_table(os::File& file,
                                                          std::uint64_t object_bytes,
                                                          std::uint64_t blob_bytes);

// Decompresses every frame on up to `threads` threads. `visit` gets each of them, with its offset
// in the blob, in any order.
[[nodiscard]] Result<void> unpack_frames(os::File& file, const format::Compressed& table,
                                         unsigned threads, const ChunkVisitor& visit);

}  // namespace larder::internal::store
