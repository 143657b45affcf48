#pragma once

#include <cstdint>

namespace larder::internal::os {

// Of an ordinary page of memory.
[[nodiscard]] std::uint64_t page_bytes();

}  // namespace larder::internal::os
