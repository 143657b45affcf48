// Integers of binary files: 8 bytes, little-endian. Private to format/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace larder::internal::format {

inline void append_u64(std::vector<std::byte>& bytes, std::uint64_t value) {
    for (unsigned i = 0; i < 8; ++i) {
        bytes.push_back(static_cast<std::byte>(value & 0xff));
        value >>= 8;
    }
}

// `bytes` must be long enough.
[[nodiscard]] inline std::uint64_t read_u64(std::span<const std::byte> bytes, std::size_t offset) {
    std::uint64_t value = 0;
    for (std::size_t i = 8; i-- > 0;) {
        value = value << 8 | static_cast<std::uint64_t>(bytes[offset + i]);
    }
    return value;
}

}  // namespace larder::internal::format
