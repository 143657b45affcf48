// larder.json: the file that makes a directory a larder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace larder::internal::format {

inline constexpr std::uint64_t k_larder_format = 1;
inline constexpr std::uint64_t k_larder_info_bytes_max = std::uint64_t{64} << 10;

struct LarderInfo {
    std::string id;  // 32 lower-case hexadecimal characters, random

    bool operator==(const LarderInfo&) const = default;
};

// Errc::invalid_argument if `decode_larder_info` would not accept `info`.
[[nodiscard]] Result<std::string> encode_larder_info(const LarderInfo& info);
// Errc::unsupported for a newer format, Errc::damaged for any other text that is not a larder.json.
[[nodiscard]] Result<LarderInfo> decode_larder_info(std::string_view text);

// Returns the content of CACHEDIR.TAG, which tells backup programs that the directory is a cache
// (https://bford.info/cachedir/).
[[nodiscard]] std::string_view cache_directory_tag() noexcept;

}  // namespace larder::internal::format
