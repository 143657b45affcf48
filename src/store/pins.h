// Entries that stay whatever the limit: an empty file for each key, which outlives the entry, so
// that a model that is compiled anew is still pinned. Private to store/.
#pragma once

#include <set>

#include "base/result.h"
#include "store/context.h"
#include "store/types.h"

namespace larder::internal::store {

// Durable when they return. Pinning twice is one pin; so is unpinning what is not pinned.
[[nodiscard]] Result<void> pin(Context& context, const Key& key);
[[nodiscard]] Result<void> unpin(Context& context, const Key& key);

[[nodiscard]] Result<std::set<Key>> pinned_keys(const Context& context);

}  // namespace larder::internal::store
