// Blobs of which only what no other file has is kept: neither one of the model's, nor an object.
// Private to store/, but for SourceFinder.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "format/referring.h"
#include "store/disk/content.h"
#include "store/disk/types.h"

namespace larder::internal::store {

struct Context;

// A file with bytes that an entry refers to.
struct SourceRange {
    std::shared_ptr<os::File> file;
    std::uint64_t offset = 0;  // in the file
    bool is_copied = false;    // its pages must not be mapped
};

// Opens the file that holds the referred bytes. The finder has proven its content: the store does
// not read it. Errc::not_found if the request has no such file.
using SourceFinder = std::function<Result<SourceRange>(const format::Referred&)>;

// Does Store::open_blob for an entry in Encoding::referring.
[[nodiscard]] Result<MappedObject> map_referring(Context& context, const Manifest& manifest,
                                                 Verify policy, const SourceFinder& find,
                                                 const ChunkVisitor& visit = {});

// The table of an object of that encoding. Errc::damaged for others.
[[nodiscard]] Result<format::Referring> read_referring(os::File& file, std::uint64_t object_bytes);

}  // namespace larder::internal::store
