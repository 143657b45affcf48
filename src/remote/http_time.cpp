#include <array>
#include <charconv>
#include <chrono>
#include <optional>

#include "remote/http.h"

namespace larder::internal::remote {
namespace {

using std::chrono::nanoseconds;

constexpr std::array<std::string_view, 12> k_months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// The digits at a place of a text; nothing where there is anything else.
std::optional<unsigned> digits(std::string_view text, std::size_t place, std::size_t count) {
    if (place + count > text.size()) return std::nullopt;
    unsigned value = 0;
    const auto* const begin = text.data() + place;
    for (std::size_t i = 0; i < count; ++i) {
        if (begin[i] < '0' || begin[i] > '9') return std::nullopt;
    }
    std::from_chars(begin, begin + count, value);
    return value;
}

struct Moment {
    std::optional<unsigned> year, month, day, hour, minute, second;
};

std::int64_t since_epoch(const Moment& at) {
    constexpr unsigned k_first_year = 1970;
    constexpr unsigned k_last_year = 2200;  // nanoseconds fit
    if (!at.year || !at.month || !at.day || !at.hour || !at.minute || !at.second) return -1;
    const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*at.year)),
                                           std::chrono::month(*at.month),
                                           std::chrono::day(*at.day));
    if (!date.ok() || *at.year < k_first_year || *at.year > k_last_year) return -1;
    if (*at.hour > 23 || *at.minute > 59 || *at.second > 60) return -1;
    const auto time = std::chrono::sys_days(date).time_since_epoch() +
                      std::chrono::hours(*at.hour) + std::chrono::minutes(*at.minute) +
                      std::chrono::seconds(*at.second);
    return nanoseconds(time).count();
}

}  // namespace

std::int64_t parse_http_time(std::string_view text) {
    constexpr std::size_t k_length = 29;
    if (text.size() != k_length || text.substr(25) != " GMT" || text[3] != ',') return -1;
    Moment at;
    for (unsigned i = 0; i < k_months.size(); ++i) {
        if (text.substr(8, 3) == k_months[i]) at.month = i + 1;
    }
    at.day = digits(text, 5, 2);
    at.year = digits(text, 12, 4);
    at.hour = digits(text, 17, 2);
    at.minute = digits(text, 20, 2);
    at.second = digits(text, 23, 2);
    return since_epoch(at);
}

std::int64_t parse_iso_time(std::string_view text) {
    constexpr std::size_t k_length_min = 20;
    if (text.size() < k_length_min || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
        text[13] != ':' || text[16] != ':' || text.back() != 'Z') {
        return -1;
    }
    return since_epoch({digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2),
                        digits(text, 11, 2), digits(text, 14, 2), digits(text, 17, 2)});
}

}  // namespace larder::internal::remote
