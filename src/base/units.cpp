#include "base/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

namespace larder::internal {
namespace {

struct Number {
    double value;
    std::string_view unit;
};

Result<Number> split_number(std::string_view text, std::string_view kind, std::string_view units) {
    const auto wrong = [&](std::string_view why) {
        return fail(
            Errc::invalid_argument,
            "'" + std::string(text) + "' is not " + std::string(kind) + ": " + std::string(why), {},
            "write a number and one of " + std::string(units));
    };
    double value = 0;
    const auto [end, status] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (status != std::errc{} || !std::isfinite(value)) return wrong("no number");
    if (value < 0 || text.front() == '-') return wrong("negative");
    std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
    if (unit.empty() && value != 0) return wrong("the unit is missing");
    return Number{value, unit};
}

template <std::size_t N>
Result<double> scale(std::string_view text, const Number& number, std::string_view kind,
                     std::string_view units,
                     const std::array<std::pair<std::string_view, double>, N>& factors) {
    if (number.unit.empty()) return 0.0;
    for (const auto& [unit, factor] : factors) {
        if (unit == number.unit) return number.value * factor;
    }
    return fail(Errc::invalid_argument,
                "'" + std::string(text) + "' is not " + std::string(kind) + ": '" +
                    std::string(number.unit) + "' is not a unit",
                {}, "write a number and one of " + std::string(units));
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
    static constexpr std::string_view k_units = "B, kB, MB, GB, TB, KiB, MiB, GiB, TiB";
    static constexpr std::array<std::pair<std::string_view, double>, 9> k_factors{{
        {"B", 1.0},
        {"kB", 1e3},
        {"MB", 1e6},
        {"GB", 1e9},
        {"TB", 1e12},
        {"KiB", 1024.0},
        {"MiB", 1048576.0},
        {"GiB", 1073741824.0},
        {"TiB", 1099511627776.0},
    }};
    const auto number = split_number(text, "a size", k_units);
    if (!number) return fail(number.error());
    const auto bytes = scale(text, *number, "a size", k_units, k_factors);
    if (!bytes) return fail(bytes.error());
    if (*bytes >= static_cast<double>(std::numeric_limits<std::int64_t>::max())) {
        return fail(Errc::invalid_argument, "'" + std::string(text) + "' is too large a size");
    }
    return static_cast<std::uint64_t>(std::llround(*bytes));
}

Result<std::chrono::seconds> parse_age(std::string_view text) {
    static constexpr std::string_view k_units = "s, m, h, d, w";
    static constexpr std::array<std::pair<std::string_view, double>, 5> k_factors{
        {{"s", 1.0}, {"m", 60.0}, {"h", 3600.0}, {"d", 86400.0}, {"w", 604800.0}}};
    const auto number = split_number(text, "an age", k_units);
    if (!number) return fail(number.error());
    const auto seconds = scale(text, *number, "an age", k_units, k_factors);
    if (!seconds) return fail(seconds.error());
    static constexpr double k_seconds_max = 1e10;  // three centuries: adds to any clock safely
    if (*seconds > k_seconds_max) {
        return fail(Errc::invalid_argument, "'" + std::string(text) + "' is too long an age");
    }
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
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.*f %s", decimals, value, k_units.at(unit));
    return text.data();
}

std::string format_duration(std::chrono::milliseconds duration) {
    const auto ms = duration.count();
    std::array<char, 48> text{};
    if (ms < 1000) {
        std::snprintf(text.data(), text.size(), "%lld ms", static_cast<long long>(ms));
    } else if (ms < 60'000) {
        std::snprintf(text.data(), text.size(), "%.2f s", static_cast<double>(ms) / 1000);
    } else {
        std::snprintf(text.data(), text.size(), "%lld m %02lld s",
                      static_cast<long long>(ms / 60'000), static_cast<long long>(ms / 1000 % 60));
    }
    return text.data();
}

}  // namespace larder::internal
