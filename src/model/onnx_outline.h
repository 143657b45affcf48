// Finds the other files that an ONNX model refers to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/byte_source.h"

namespace larder::internal::model {

struct ExternalFile {
    std::string location;              // from the model: relative to the model's directory
    std::uint64_t size_bytes_min = 0;  // the end of the model's last tensor in it

    bool operator==(const ExternalFile&) const = default;
};

struct OnnxOutline {
    std::vector<ExternalFile> external_files;  // by location, each once

    bool operator==(const OnnxOutline&) const = default;
};

// Walks the model's messages to every tensor of its graphs and functions, and skips tensor data.
//
// Errc::damaged if it is malformed, or not an ONNX model. Errc::unsupported if it refers to an
// implausible number of files.
[[nodiscard]] Result<OnnxOutline> read_onnx_outline(ByteSource& source);

// Removes "." and "..": returns the name of a file in the model's directory or below it. Empty if
// it is not such a name.
[[nodiscard]] std::string normal_location(std::string_view location);

}  // namespace larder::internal::model
