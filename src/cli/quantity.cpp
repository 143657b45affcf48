#include "cli/quantity.h"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>

namespace larder::cli {

std::string fill_text(std::uint64_t total_bytes, std::uint64_t limit_bytes) {
    const auto total = format_size(total_bytes);
    return limit_bytes == 0 ? total : total + " of " + format_size(limit_bytes);
}

std::string format_duration(std::chrono::milliseconds duration) {
    if (duration.count() < 0) return "-" + format_duration(-duration);
    if (duration < std::chrono::seconds(1)) return fmt::format("{} ms", duration.count());
    return larder::format_duration(duration);
}

std::string format_age(std::chrono::seconds age) {
    const auto seconds = std::max<std::int64_t>(age.count(), 0);
    if (seconds < 60) return fmt::format("{} s", seconds);
    if (seconds < 3600) return fmt::format("{} m", seconds / 60);
    constexpr std::int64_t k_day = 86400;
    if (seconds < 2 * k_day) return fmt::format("{} h", seconds / 3600);
    return fmt::format("{} d", seconds / k_day);
}

std::string format_time(TimePoint time) {
    const auto seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    if (gmtime_r(&seconds, &parts) == nullptr) return {};
    std::array<char, 40> text{};
    const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text.data(), size};
}

}  // namespace larder::cli
