// larder.json: what makes a directory a larder.
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

// Fails with Errc::invalid_argument where `info` would not pass `decode_larder_info`.
[[nodiscard]] Result<std::string> encode_larder_info(const LarderInfo& info);
// Errc::unsupported for a newer format, Errc::damaged for everything else that is not one.
[[nodiscard]] Result<LarderInfo> decode_larder_info(std::string_view text);

// The content of CACHEDIR.TAG, by which backup programs know what need not be kept
// (https://bford.info/cachedir/).
[[nodiscard]] std::string_view cache_directory_tag() noexcept;

}  // namespace larder::internal::format
