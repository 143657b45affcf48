// The files of OpenVINO's own CACHE_DIR: a line of XML, then what the device exported.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace larder::internal::format {

struct OpenVinoBlob {
    std::string version;       // the build of OpenVINO that wrote it
    std::string runtime_info;  // what the device said of its own version; may be empty
    std::string device;        // "CPU", "GPU" or "HETERO", as far as the payload tells; else empty
    std::string
        requirements;  // what the payload says about machines that can load it; may be empty

    bool operator==(const OpenVinoBlob&) const = default;
};

// As much of a file as `decode_openvino_blob` may want to see.
inline constexpr std::uint64_t k_openvino_head_bytes = std::uint64_t{64} << 10;

// `head` is the first k_openvino_head_bytes of a file, or all of it. Errc::unsupported if it is no
// such file; Errc::damaged if it is cut short, or its header cannot be read. Only a payload of CPU
// tells its length: of others, what is missing at the end is not noticed.
[[nodiscard]] Result<OpenVinoBlob> decode_openvino_blob(std::string_view head,
                                                        std::uint64_t file_bytes);

// Whether OpenVINO gives its blobs, or the kernels that it caches beside them, such a name: a
// decimal number of 64 bits, and ".blob" or ".cl_cache".
enum class OpenVinoFileName { blob, kernels, other };
[[nodiscard]] OpenVinoFileName openvino_file_name(std::string_view name);

}  // namespace larder::internal::format
