#include "base/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace larder::internal {
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
constexpr std::array<Unit, 1> k_shares{{{"%", 1.0}}};

constexpr auto k_size_max = static_cast<double>(std::numeric_limits<std::int64_t>::max());
constexpr double k_age_max = 1e10;  // three centuries: can be subtracted from any time

template <std::size_t N>
Result<double> parse(std::string_view text, const std::string& kind,
                     const std::array<Unit, N>& units, double limit) {
    const auto wrong = [&](const std::string& why) {
        std::string names;
        for (const auto& unit : units) names.append(names.empty() ? "" : ", ").append(unit.name);
        return fail(Errc::invalid_argument,
                    "'" + std::string(text) + "' is not " + kind + ": " + why, {},
                    "write a number and one of " + names);
    };
    double value = 0;
    const auto [end, status] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (status != std::errc{} || !std::isfinite(value)) return wrong("the number is missing");
    if (text.front() == '-') return wrong("it is negative");
    auto name = text.substr(static_cast<std::size_t>(end - text.data()));
    while (name.starts_with(' ')) name.remove_prefix(1);
    if (name.empty() && value == 0) return 0.0;
    if (name.empty()) return wrong("the unit is missing");
    for (const auto& unit : units) {
        if (unit.name != name) continue;
        if (value * unit.factor >= limit) return wrong("it is too large");
        return value * unit.factor;
    }
    return wrong("'" + std::string(name) + "' is not a unit");
}

// Not printf, which uses the decimal point of the program's locale.
std::string fixed(double value, int decimals) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                   std::chars_format::fixed, decimals);
    return {text.data(), end.ptr};
}

}  // namespace

std::uint64_t bytes_of(const SizeLimit& limit, std::uint64_t disk_bytes) {
    if (limit.percent <= 0) return limit.bytes;
    return static_cast<std::uint64_t>(static_cast<double>(disk_bytes) * limit.percent / 100);
}

Result<std::uint64_t> parse_size(std::string_view text) {
    const auto bytes = parse(text, "a size", k_size_units, k_size_max);
    if (!bytes) return fail(bytes.error());
    return static_cast<std::uint64_t>(std::llround(*bytes));
}

Result<SizeLimit> parse_size_limit(std::string_view text) {
    SizeLimit limit;
    if (text.ends_with('%')) {
        const auto percent = parse(text, "a share of the disk", k_shares, 100.001);
        if (!percent) return fail(percent.error());
        limit.percent = *percent;
        return limit;
    }
    const auto bytes = parse_size(text);
    if (!bytes) return fail(bytes.error());
    limit.bytes = *bytes;
    return limit;
}

Result<std::chrono::seconds> parse_age(std::string_view text) {
    const auto seconds = parse(text, "an age", k_age_units, k_age_max);
    if (!seconds) return fail(seconds.error());
    return std::chrono::seconds(std::llround(*seconds));
}

std::string format_size(std::uint64_t bytes) {
    static constexpr std::array<const char*, 6> k_units{"B", "kB", "MB", "GB", "TB", "PB"};
    if (bytes < 1000) return std::to_string(bytes) + " B";
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < k_units.size()) {
        value /= 1000;
        ++unit;
    }
    const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return fixed(value, decimals) + " " + k_units.at(unit);
}

std::string format_duration(std::chrono::nanoseconds duration) {
    const double ms = std::chrono::duration<double, std::milli>(duration).count();
    if (ms < 999.5) return fixed(ms, ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0) + " ms";
    if (ms < 59'995) return fixed(ms / 1000, ms < 9'995 ? 2 : 1) + " s";
    const auto seconds = std::llround(ms / 1000);
    const auto rest = std::to_string(seconds % 60);
    return std::to_string(seconds / 60) + (rest.size() < 2 ? " m 0" : " m ") + rest + " s";
}

}  // namespace larder::internal
