#pragma once

#include <cstdint>

namespace larder::internal::os {

// The size of an ordinary page of memory.
[[nodiscard]] std::uint64_t page_bytes();

}  // namespace larder::internal::os
