// Reads the information in the header of a GGUF file about the file itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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
// Errc::unsupported for an unknown version, byte order or size of header.
[[nodiscard]] Result<GgufOutline> read_gguf_outline(ByteSource& source);

// A key and its value, as bytes of the file.
struct GgufPair {
    std::string key;
    std::uint64_t offset = 0;
    std::uint64_t size_bytes = 0;
};

struct GgufTensor {
    std::string name;
    std::vector<std::uint64_t> lengths;
    std::uint32_t type = 0;
    std::uint64_t offset = 0;                 // relative to the start of the data
    std::optional<std::uint64_t> size_bytes;  // absent for an unknown type
};

struct GgufTable {
    GgufOutline outline;
    std::uint32_t version = 0;
    std::uint32_t alignment = 0;
    std::uint64_t data_offset = 0;
    std::optional<std::uint64_t> tensors_in_all;  // in all shards
    std::vector<GgufPair> pairs;
    std::vector<GgufTensor> tensors;
};

// The same, and returns the whole table.
[[nodiscard]] Result<GgufTable> read_gguf_table(ByteSource& source);

}  // namespace larder::internal::model
