#include "cli/quantity.h"

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "cli/failure.h"
#include "cli/text.h"

namespace larder::cli {
namespace {

struct Unit {
    std::string_view name;
    double factor;
};

constexpr std::array<Unit, 9> k_size_units{{{"B", 1.0},
                                            {"kB", 1e3},
                                            {"MB", 1e6},
                                            {"GB", 1e9},
                                            {"TB", 1e12},
                                            {"KiB", 1024.0},
                                            {"MiB", 1048576.0},
                                            {"GiB", 1073741824.0},
                                            {"TiB", 1099511627776.0}}};
constexpr std::array<Unit, 5> k_age_units{
    {{"s", 1.0}, {"m", 60.0}, {"h", 3600.0}, {"d", 86400.0}, {"w", 604800.0}}};

template <std::size_t N>
double parse(std::string_view text, std::string_view kind, const std::array<Unit, N>& units,
             double limit) {
    const auto wrong = [&](const std::string& why) {
        std::vector<std::string> names;
        names.reserve(N);
        for (const auto& unit : units) names.emplace_back(unit.name);
        throw_usage(fmt::format("'{}' is not {}: {}", text, kind, why),
                    "write a number and one of " + join(names, ", "));
    };
    double value = 0;
    const auto [end, status] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (status != std::errc{} || !std::isfinite(value)) wrong("there is no number");
    if (text.front() == '-') wrong("it is negative");
    const auto name = trimmed(text.substr(static_cast<std::size_t>(end - text.data())));
    if (name.empty() && value == 0) return 0;
    if (name.empty()) wrong("the unit is missing");
    for (const auto& unit : units) {
        if (unit.name != name) continue;
        if (value * unit.factor >= limit) wrong("it is too large");
        return value * unit.factor;
    }
    wrong(fmt::format("'{}' is no unit", name));
    return 0;
}

}  // namespace

std::uint64_t parse_size(std::string_view text) {
    constexpr auto k_limit = static_cast<double>(std::numeric_limits<std::int64_t>::max());
    return static_cast<std::uint64_t>(std::llround(parse(text, "a size", k_size_units, k_limit)));
}

std::chrono::seconds parse_age(std::string_view text) {
    constexpr double k_limit = 1e10;  // three centuries: can be taken from any time
    return std::chrono::seconds(std::llround(parse(text, "an age", k_age_units, k_limit)));
}

std::string format_size(std::uint64_t bytes) {
    constexpr std::array<const char*, 5> k_names{"kB", "MB", "GB", "TB", "PB"};
    if (bytes < 1000) return fmt::format("{} B", bytes);
    auto value = static_cast<double>(bytes) / 1000;
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < k_names.size()) {
        value /= 1000;
        ++unit;
    }
    const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return fmt::format("{:.{}f} {}", value, decimals, k_names.at(unit));
}

std::string format_duration(std::chrono::nanoseconds duration) {
    const double ms = std::chrono::duration<double, std::milli>(duration).count();
    if (ms < 999.5) {
        const int decimals = ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0;
        return fmt::format("{:.{}f} ms", ms, decimals);
    }
    if (ms < 59'995) return fmt::format("{:.{}f} s", ms / 1000, ms < 9'995 ? 2 : 1);
    const auto seconds = std::llround(ms / 1000);
    return fmt::format("{} m {:02} s", seconds / 60, seconds % 60);
}

std::string format_duration(std::chrono::milliseconds duration) {
    if (duration < std::chrono::seconds(1)) return fmt::format("{} ms", duration.count());
    return format_duration(std::chrono::nanoseconds(duration));
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
