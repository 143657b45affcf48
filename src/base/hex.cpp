#include "base/hex.h"

#include <array>

namespace larder::internal {
namespace {

constexpr std::string_view k_hex_digits = "0123456789abcdef";

}  // namespace

std::string to_hex(std::span<const std::uint8_t> bytes) {
    std::string text;
    text.reserve(2 * bytes.size());
    for (const auto byte : bytes) {
        text += k_hex_digits[byte >> 4U];
        text += k_hex_digits[byte & 0xfU];
    }
    return text;
}

bool read_hex(std::string_view text, std::span<std::uint8_t> bytes) {
    // Called for hundreds of thousands of digests: a table, and a single check at the end.
    static constexpr auto k_nibbles = [] {
        std::array<std::uint8_t, 256> table{};
        table.fill(0xff);
        for (std::size_t i = 0; i < k_hex_digits.size(); ++i) {
            table[static_cast<unsigned char>(k_hex_digits[i])] = static_cast<std::uint8_t>(i);
        }
        return table;
    }();
    if (text.size() != 2 * bytes.size()) return false;
    unsigned seen = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const unsigned high = k_nibbles[static_cast<unsigned char>(text[2 * i])];
        const unsigned low = k_nibbles[static_cast<unsigned char>(text[2 * i + 1])];
        seen |= high | low;
        bytes[i] = static_cast<std::uint8_t>((high << 4U) | (low & 0xfU));
    }
    return seen <= 0xf;
}

bool is_hex(std::string_view text) {
    return text.find_first_not_of(k_hex_digits) == std::string_view::npos;
}

}  // namespace larder::internal
