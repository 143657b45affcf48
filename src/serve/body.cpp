#include "serve/body.h"

#include <algorithm>

#include "larder/error.hpp"

namespace larder::serve {
namespace {

constexpr std::size_t k_key_digits = 64;
constexpr std::size_t k_keys_max = 15'000;

[[noreturn]] void throw_wrong(const std::string& what) {
    throw Error(ErrorCode::invalid_argument, what, "see /api/v1/openapi.json");
}

}  // namespace

bool is_key(std::string_view text) {
    return !text.empty() && text.size() <= k_key_digits &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Body::Body(const std::string& text, std::initializer_list<std::string_view> names)
    : json_(cli::Json::parse(text, nullptr, false)) {
    if (!json_.is_object()) throw_wrong("the request is not a JSON object");
    for (const auto& [name, value] : json_.items()) {
        if (std::ranges::find(names, name) == names.end()) {
            throw_wrong("the request has an unknown member");
        }
    }
}

bool Body::flag(const char* name, bool otherwise) const {
    const auto found = json_.find(name);
    if (found == json_.end()) return otherwise;
    if (!found->is_boolean()) throw_wrong(std::string(name) + " has to be true or false");
    return found->get<bool>();
}

std::optional<std::string> Body::text(const char* name) const {
    const auto found = json_.find(name);
    if (found == json_.end() || found->is_null()) return std::nullopt;
    if (!found->is_string()) throw_wrong(std::string(name) + " has to be a text");
    return found->get<std::string>();
}

std::vector<std::string> Body::keys(Absent absent) const {
    constexpr const char* k_wrong = "keys has to be a list of keys";
    std::vector<std::string> keys;
    const auto found = json_.find("keys");
    if (found == json_.end() && absent == Absent::empty) return keys;
    if (found == json_.end() || !found->is_array() || found->size() > k_keys_max) {
        throw_wrong(k_wrong);
    }
    for (const auto& each : *found) {
        if (!each.is_string() || !is_key(each.get<std::string>())) throw_wrong(k_wrong);
        keys.push_back(each.get<std::string>());
    }
    return keys;
}

}  // namespace larder::serve
