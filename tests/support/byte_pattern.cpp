#include "support/byte_pattern.h"

namespace larder::internal::support {
namespace {

std::byte byte_at(unsigned seed, std::size_t i) {
    return static_cast<std::byte>((i * 2654435761U + seed * 97U + (i >> 12U)) >> 3U);
}

}  // namespace

void fill_with_pattern(std::span<std::byte> bytes, unsigned seed) {
    auto* const begin = bytes.data();
    for (std::size_t i = 0; i < bytes.size(); ++i) begin[i] = byte_at(seed, i);
}

bool has_pattern(std::span<const std::byte> bytes, unsigned seed) {
    const auto* const begin = bytes.data();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (begin[i] != byte_at(seed, i)) return false;
    }
    return true;
}

}  // namespace larder::internal::support
