// Reads and writes sizes and ages as users write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace larder::internal {

// A number of bytes, or a share of the disk: `percent` counts if it is not 0. Both 0: none.
struct SizeLimit {
    std::uint64_t bytes = 0;
    double percent = 0;

    bool operator==(const SizeLimit&) const = default;
    // Returns the limit in bytes on a disk of this size; 0 if there is none.
    [[nodiscard]] std::uint64_t bytes_of(std::uint64_t disk_bytes) const;
};

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
