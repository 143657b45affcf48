#include "model/file_names.h"

#include <algorithm>
#include <charconv>

namespace larder::internal::model {
namespace {

constexpr std::size_t k_digits = 5;  // at least: %05d

std::string padded(std::uint32_t number) {
    std::string text = std::to_string(number);
    if (text.size() < k_digits) text.insert(0, k_digits - text.size(), '0');
    return text;
}

// Returns where the extension begins in the last component.
std::size_t extension_begin(std::string_view path) {
    const auto slash = path.rfind('/');
    const auto name_begin = slash == std::string_view::npos ? 0 : slash + 1;
    const auto dot = path.rfind('.');
    const bool none = dot == std::string_view::npos || dot <= name_begin;
    return none ? path.size() : dot;
}

}  // namespace

std::string shard_text(ShardNumber shard) {
    return padded(shard.number) + "-of-" + padded(shard.count);
}

std::optional<ShardNumber> parse_shard_text(std::string_view text) {
    constexpr std::string_view k_between = "-of-";
    const auto between = text.find(k_between);
    if (between == std::string_view::npos) return {};
    const auto number = text.substr(0, between);
    const auto count = text.substr(between + k_between.size());
    ShardNumber shard;
    std::from_chars(number.data(), number.data() + number.size(), shard.number);
    std::from_chars(count.data(), count.data() + count.size(), shard.count);
    // Writing it again shows whether the whole text was parsed.
    if (shard_text(shard) != text) return {};
    return shard;
}

std::optional<ShardName> parse_shard_name(const std::string& path) {
    const auto dot = extension_begin(path);
    const std::string_view whole = std::string_view(path).substr(0, dot);
    const auto between = whole.rfind("-of-");
    if (between == std::string_view::npos || between == 0) return {};
    const auto dash = whole.rfind('-', between - 1);
    if (dash == std::string_view::npos) return {};
    const auto number = parse_shard_text(whole.substr(dash + 1));
    if (!number) return {};
    return ShardName{std::string(whole.substr(0, dash)), *number, path.substr(dot)};
}

std::string extension_of(const std::string& path) {
    std::string extension = path.substr(extension_begin(path));
    std::ranges::transform(extension, extension.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return extension;
}

std::string with_extension(const std::string& path, std::string_view extension) {
    return path.substr(0, extension_begin(path)) + std::string(extension);
}

std::string printable(std::string_view text) {
    constexpr std::size_t k_size_bytes_max = 80;
    std::string result(text.substr(0, k_size_bytes_max));
    for (char& c : result) {
        if (c < ' ' || c > '~') c = '?';
    }
    return result;
}

}  // namespace larder::internal::model
