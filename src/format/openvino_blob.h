// The files of OpenVINO's own CACHE_DIR: a line of XML, then the device's export.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace larder::internal::format {

struct OpenVinoBlob {
    std::string version;       // the build of OpenVINO that wrote it
    std::string runtime_info;  // the device's own version information; may be empty
    std::string device;        // "CPU", "GPU" or "HETERO", if the payload shows it; else empty
    std::string requirements;  // the payload's requirements on machines that load it; may be empty

    bool operator==(const OpenVinoBlob&) const = default;
};

// The most that `decode_openvino_blob` reads of a file.
inline constexpr std::uint64_t k_openvino_head_bytes = std::uint64_t{64} << 10;

// `head` is the first k_openvino_head_bytes of a file, or all of it. Errc::unsupported if it is not
// such a file; Errc::damaged if it is truncated, or its header cannot be read. Only a payload of
// CPU states its length: truncation of other payloads is not noticed.
[[nodiscard]] Result<OpenVinoBlob> decode_openvino_blob(std::string_view head,
                                                        std::uint64_t file_bytes);

// Recognises the names that OpenVINO gives to its blobs, and to the kernels that it caches beside
// them: a decimal number of 64 bits, and ".blob" or ".cl_cache".
enum class OpenVinoFileName { blob, kernels, other };
[[nodiscard]] OpenVinoFileName openvino_file_name(std::string_view name);

}  // namespace larder::internal::format
