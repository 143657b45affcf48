// Naming conventions for the files of one model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace larder::internal::model {

// "00002-of-00005".
struct ShardNumber {
    std::uint32_t number = 0;
    std::uint32_t count = 0;

    bool operator==(const ShardNumber&) const = default;
};
[[nodiscard]] std::string shard_text(ShardNumber shard);
[[nodiscard]] std::optional<ShardNumber> parse_shard_text(std::string_view text);

// "<stem>-00002-of-00005.gguf"; the stem includes the directory.
struct ShardName {
    std::string stem;
    ShardNumber number;
    std::string extension;  // with its dot
};
[[nodiscard]] std::optional<ShardName> parse_shard_name(const std::string& path);

// Returns the extension in lower case and with its dot; empty if there is none.
[[nodiscard]] std::string extension_of(const std::string& path);
// Replaces the last extension; appends it if there is none.
[[nodiscard]] std::string with_extension(const std::string& path, std::string_view extension);

// Makes text from a file safe to print, so that it cannot control the terminal: truncates it, and
// replaces everything but plain ASCII by '?'.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace larder::internal::model
