// What the header of a GGUF file says of the file itself.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "model/byte_source.h"

namespace larder::internal::model {

struct GgufOutline {
    std::uint32_t shard = 0;        // counted from 0
    std::uint32_t shard_count = 1;  // 1: not split

    bool operator==(const GgufOutline&) const = default;
};

// Reads the header, the metadata and the table of tensors; never their data.
//
// Errc::damaged if it is malformed, or ends before its last tensor does: the text says where.
// Errc::unsupported for a version, byte order or size of header that is not known here.
[[nodiscard]] Result<GgufOutline> read_gguf_outline(ByteSource& source);

}  // namespace larder::internal::model
