// Compresses and decompresses the blobs of entries. Private to store/.
#pragma once

#include <span>

#include "base/result.h"
#include "store/disk/administration.h"
#include "store/disk/context.h"

namespace larder::internal::store {

// See Store for the contracts.
[[nodiscard]] Result<Recoding> compress_entries(Context& context, const CompressRules& rules,
                                                DryRun dry_run, const ProgressCallback& progress);
[[nodiscard]] Result<Recoding> decompress_entries(Context& context, std::span<const Key> keys,
                                                  DryRun dry_run, const ProgressCallback& progress);

}  // namespace larder::internal::store
