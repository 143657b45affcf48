// Bytes as hexadecimal digits, in lower case.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace larder::internal {

[[nodiscard]] std::string to_hex(std::span<const std::uint8_t> bytes);

// Fills `bytes` from two digits each. False if `text` has another length or other characters.
[[nodiscard]] bool read_hex(std::string_view text, std::span<std::uint8_t> bytes);

// Tells whether `text` contains nothing but digits; so does an empty one.
[[nodiscard]] bool is_hex(std::string_view text);

}  // namespace larder::internal
