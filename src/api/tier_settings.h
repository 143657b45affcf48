// Reads the settings of the storages that machines share.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::api {

// Splits URLs that are separated by blanks. Nothing if one of them is no URL of a storage, or holds
// a password. `remote::parse_address` reads the rest of a URL, where the storage is used.
[[nodiscard]] std::optional<std::vector<std::string>> read_urls(std::string_view text);

// Splits paths that are separated by colons.
[[nodiscard]] std::vector<std::string> split_paths(std::string_view text);
// The same, and makes them absolute.
[[nodiscard]] std::vector<std::filesystem::path> read_paths(std::string_view text);

// Returns the text with the names and passwords of its URLs replaced, for messages.
[[nodiscard]] std::string without_passwords(std::string_view text);

}  // namespace larder::api
