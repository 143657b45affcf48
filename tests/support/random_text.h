// Bytes that cannot be compressed, from a seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>

namespace larder::internal::support {

[[nodiscard]] inline std::string random_text(std::size_t size_bytes, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::string text(size_bytes + 8, '\0');
    for (std::size_t i = 0; i < size_bytes; i += 8) {
        const auto word = random();
        std::memcpy(text.data() + i, &word, 8);
    }
    text.resize(size_bytes);
    return text;
}

}  // namespace larder::internal::support
