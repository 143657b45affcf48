// Reading blobs that are kept compressed (format/compressed.h). Private to store/.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "format/compressed.h"
#include "store/content.h"
#include "store/context.h"
#include "store/types.h"

namespace larder::internal::store {

// As Store::open_blob, of an entry in Encoding::compressed: the object is proved before anything is
// undone, on several threads, straight into memory of this process.
[[nodiscard]] Result<MappedObject> map_compressed(Context& context, const Manifest& manifest,
                                                  VerifyPolicy policy,
                                                  const ChunkVisitor& visit = {});

// The table of an object that holds a blob of `blob_bytes`. Errc::damaged if it does not.
[[nodiscard]] Result<format::Compressed> read_frame_table(os::File& file,
                                                          std::uint64_t object_bytes,
                                                          std::uint64_t blob_bytes);

// Undoes every frame on up to `threads` threads. `visit` sees each of them, with its offset in the
// blob, in any order.
[[nodiscard]] Result<void> unpack_frames(os::File& file, const format::Compressed& table,
                                         unsigned threads, const ChunkVisitor& visit);

}  // namespace larder::internal::store
