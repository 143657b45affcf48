#include "format/repeated_key.h"

#include <algorithm>
#include <cstddef>
#include <span>

namespace larder::internal::format {
namespace {

// Leaves enough of the beginning to show that the key repeats.
constexpr std::size_t k_key_length_max = 14;
// This many keys in a row are applied as one, which compilers turn into vector instructions.
constexpr std::size_t k_keys_at_once = 64;

void exclusive_or(std::span<char> text, std::string_view key) {
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(text[i] ^ key[i]);
}

std::string with_key(std::string text, std::string_view key) {
    std::string keys;
    while (keys.size() < k_keys_at_once * key.size()) keys.append(key);
    for (std::size_t at = 0; at < text.size(); at += keys.size()) {
        exclusive_or(std::span(text).subspan(at, std::min(keys.size(), text.size() - at)), keys);
    }
    return text;
}

}  // namespace

std::optional<RepeatedKey> RepeatedKey::of(std::string_view encoded) {
    if (encoded.size() < k_topology_begin.size() + k_topology_end.size()) return std::nullopt;
    std::string stream(encoded.substr(0, k_topology_begin.size()));
    exclusive_or(stream, k_topology_begin);
    for (std::size_t length = 1; length <= k_key_length_max; ++length) {
        auto key = stream.substr(0, length);
        if (with_key(stream, key).find_first_not_of('\0') != std::string::npos) continue;
        // Decodes the end, from a place where the key starts anew.
        const auto from = (encoded.size() - k_topology_end.size()) / length * length;
        if (!with_key(std::string(encoded.substr(from)), key).ends_with(k_topology_end)) continue;
        return RepeatedKey(std::move(key));
    }
    return std::nullopt;
}

std::string RepeatedKey::apply(std::string text) const { return with_key(std::move(text), key_); }

}  // namespace larder::internal::format
