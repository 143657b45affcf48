#include "larder/units.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "api/convert.h"
#include "base/units.h"

namespace larder {

std::uint64_t parse_size(std::string_view text) {
    return api::value_or_throw(internal::parse_size(text));
}

SizeLimit parse_size_limit(std::string_view text) {
    return api::value_or_throw(internal::parse_size_limit(text));
}

std::chrono::seconds parse_age(std::string_view text) {
    return api::value_or_throw(internal::parse_age(text));
}

std::string format_size(std::uint64_t bytes) { return internal::format_size(bytes); }

std::string format_duration(std::chrono::nanoseconds duration) {
    return internal::format_duration(duration);
}

std::size_t edits_between(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

}  // namespace larder
