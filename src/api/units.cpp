#include "larder/units.hpp"

#include "api/convert.h"
#include "base/units.h"

namespace larder {

std::uint64_t parse_size(std::string_view text) {
    return api::value_or_throw(internal::parse_size(text));
}

SizeLimit parse_size_limit(std::string_view text) {
    const auto limit = api::value_or_throw(internal::parse_size_limit(text));
    return {limit.bytes, limit.percent};
}

std::chrono::seconds parse_age(std::string_view text) {
    return api::value_or_throw(internal::parse_age(text));
}

std::string format_size(std::uint64_t bytes) { return internal::format_size(bytes); }

std::string format_duration(std::chrono::nanoseconds duration) {
    return internal::format_duration(duration);
}

}  // namespace larder
