// Bytes that a seed determines, for blocks of many megabytes: compiled like the product, because
// tests are not optimised under a sanitizer.
#pragma once

#include <cstddef>
#include <span>

namespace larder::internal::support {

void fill_with_pattern(std::span<std::byte> bytes, unsigned seed);
[[nodiscard]] bool has_pattern(std::span<const std::byte> bytes, unsigned seed);

}  // namespace larder::internal::support
