// Sizes, ages and times, as users write and read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace larder::cli {

using TimePoint = std::chrono::system_clock::time_point;

// "1.5GiB", "500MB", "0". A bare number other than 0 is wrong usage.
[[nodiscard]] std::uint64_t parse_size(std::string_view text);
// "90s", "10m", "12h", "30d", "2w". A bare number other than 0 is wrong usage.
[[nodiscard]] std::chrono::seconds parse_age(std::string_view text);

// "4.29 GB": three significant digits.
[[nodiscard]] std::string format_size(std::uint64_t bytes);
// "0.42 ms", "850 ms", "3.42 s", "2 m 05 s".
[[nodiscard]] std::string format_duration(std::chrono::nanoseconds duration);
// What is known to the millisecond: "54 ms".
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);
// "5 m", "3 h", "12 d": how long ago.
[[nodiscard]] std::string format_age(std::chrono::seconds age);
// RFC 3339 in UTC: "2026-01-31T12:00:00Z".
[[nodiscard]] std::string format_time(TimePoint time);

}  // namespace larder::cli
