// Reads objects into memory before they are requested. Private to store/.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "store/disk/administration.h"
#include "store/disk/context.h"

namespace larder::internal::store {

// As Store::read_ahead. With those that it refers to.
[[nodiscard]] Result<std::uint64_t> read_ahead(const Context& context, const Digest& object,
                                               std::uint64_t bytes_max,
                                               const std::function<Continue()>& step);

// Does Store::read_model_ahead.
[[nodiscard]] Result<std::uint64_t> read_model_ahead(const Context& context, const Key& key,
                                                     std::uint64_t bytes_max,
                                                     const std::function<Continue()>& step);

}  // namespace larder::internal::store
