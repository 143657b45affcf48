// Reads and verifies everything that a larder holds. Private to store/.
#pragma once

#include <span>

#include "base/result.h"
#include "store/disk/administration.h"
#include "store/disk/context.h"

namespace larder::internal::store {

// See Store for the contracts.
[[nodiscard]] Result<VerifyReport> verify_entries(Context& context, std::span<const Key> keys,
                                                  const ProgressCallback& progress,
                                                  const VerifyOptions& options);

}  // namespace larder::internal::store
