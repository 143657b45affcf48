// Sizes and ages as users write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace larder::internal {

// "20GiB", "1.5GB", "512kB", "0". A bare number other than 0 is an error: nobody knows its unit.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);
// "30d", "12h", "10m", "90s", "2w". A bare number other than 0 is an error.
[[nodiscard]] Result<std::chrono::seconds> parse_age(std::string_view text);

// "4.29 GB", "12.3 MB", "17 B": three significant digits, decimal units.
[[nodiscard]] std::string format_size(std::uint64_t bytes);
// "850 ms", "3.42 s", "2 m 05 s".
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

}  // namespace larder::internal
