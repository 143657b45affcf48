// Blobs of which only what no other file has is kept: neither one of the model's, nor an object.
// Private to store/, but for SourceFinder.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "format/referring.h"
#include "store/types.h"

namespace larder::internal::store {

struct Context;

// A file that holds what an entry refers to.
struct SourceRange {
    std::shared_ptr<os::File> file;
    std::uint64_t offset = 0;  // in it
    bool is_copied = false;    // its pages are not to be mapped
};

// Opens the file that holds something, which is proven to be that: the store reads none of it.
// Errc::not_found where who asks has no such thing.
using SourceFinder = std::function<Result<SourceRange>(const format::Referred&)>;

// As Store::open_blob, of an entry in Encoding::referring.
[[nodiscard]] Result<MappedObject> map_referring(Context& context, const Manifest& manifest,
                                                 VerifyPolicy policy, const SourceFinder& find);

// The table of an object of that encoding. Errc::damaged for others.
[[nodiscard]] Result<format::Referring> read_referring(os::File& file, std::uint64_t object_bytes);

}  // namespace larder::internal::store
