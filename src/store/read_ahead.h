// Bringing objects into memory before anybody asks for them. Private to store/.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "store/administration.h"
#include "store/context.h"
#include "store/types.h"

namespace larder::internal::store {

// As Store::read_ahead.
[[nodiscard]] Result<AheadRead> read_ahead(const Context& context, const Digest& object,
                                           const AheadOptions& options,
                                           const std::function<Continue()>& step);

}  // namespace larder::internal::store
