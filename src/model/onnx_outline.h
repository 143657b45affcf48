// Which other files an ONNX model refers to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/byte_source.h"

namespace larder::internal::model {

struct ExternalFile {
    std::string location;              // as the model has it: relative to the model's directory
    std::uint64_t size_bytes_min = 0;  // up to where the model's tensors reach into it

    bool operator==(const ExternalFile&) const = default;
};

struct OnnxOutline {
    std::vector<ExternalFile> external_files;  // by location, each once

    bool operator==(const OnnxOutline&) const = default;
};

// Walks the model's messages to every tensor of its graphs and functions, and skips what they hold.
//
// Errc::damaged if it is malformed, or no ONNX model. Errc::unsupported if it refers to absurdly
// many files.
[[nodiscard]] Result<OnnxOutline> read_onnx_outline(ByteSource& source);

// Without "." and "..": the name of a file in the model's directory or below it. Empty if it is
// none.
[[nodiscard]] std::string normal_location(std::string_view location);

}  // namespace larder::internal::model
