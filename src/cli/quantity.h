// Formats durations, ages and times for users. For sizes see larder/units.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "larder/units.hpp"

namespace larder::cli {

using TimePoint = std::chrono::system_clock::time_point;

// Returns "3.20 GB of 25.2 GB", without the limit if there is none.
[[nodiscard]] std::string fill_text(std::uint64_t total_bytes, std::uint64_t limit_bytes);
using larder::format_duration;
// For durations that are known to the millisecond: "54 ms".
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);
// Returns how long ago something was: "5 m", "3 h", "12 d".
[[nodiscard]] std::string format_age(std::chrono::seconds age);
// RFC 3339 in UTC: "2026-01-31T12:00:00Z".
[[nodiscard]] std::string format_time(TimePoint time);

}  // namespace larder::cli
