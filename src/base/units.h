// Reads and writes sizes and ages as users write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "larder/units.hpp"

namespace larder::internal {

using larder::SizeLimit;

// Returns the limit in bytes on a disk of this size; 0 if there is none.
[[nodiscard]] std::uint64_t bytes_of(const SizeLimit& limit, std::uint64_t disk_bytes);

// Reads "20GiB", "1.5GB", "512kB", "0". A bare number other than 0 is an error: its unit is
// unknown.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);
// Reads the same, or "10%" of the disk.
[[nodiscard]] Result<SizeLimit> parse_size_limit(std::string_view text);
// Reads "30d", "12h", "10m", "90s", "2w". A bare number other than 0 is an error.
[[nodiscard]] Result<std::chrono::seconds> parse_age(std::string_view text);

// Writes "4.29 GB", "12.3 MB", "17 B": three significant digits, decimal units.
[[nodiscard]] std::string format_size(std::uint64_t bytes);
// Writes "0.42 ms", "850 ms", "3.42 s", "2 m 05 s".
[[nodiscard]] std::string format_duration(std::chrono::nanoseconds duration);

}  // namespace larder::internal
