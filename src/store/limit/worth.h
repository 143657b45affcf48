// Computes the worth of an entry: the compile time that it is expected to save. Pure.
#pragma once

#include <cstdint>

#include "store/disk/history.h"

namespace larder::internal::store {

// Returns the compile time, in milliseconds per hour, that having the entry is expected to save.
[[nodiscard]] double worth_of(std::uint64_t compile_ms, const RequestHistory& history,
                              std::int64_t now_ns);

// Returns how far below the limit an eviction continues, as a share of the limit: each eviction
// looks at every entry, so the more entries there are, the more it removes at once.
[[nodiscard]] std::uint64_t slack_of(std::uint64_t limit_bytes, std::uint64_t entries);

}  // namespace larder::internal::store
