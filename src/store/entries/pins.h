// Pins: an empty file for each pinned key. A pin outlives its entry, so that a model that is
// compiled anew is still pinned. Private to store/.
#pragma once

#include <set>

#include "base/result.h"
#include "store/disk/context.h"
#include "store/disk/types.h"

namespace larder::internal::store {

// Durable on return. Pinning a pinned key does nothing, and neither does unpinning another.
[[nodiscard]] Result<void> pin(Context& context, const Key& key);
[[nodiscard]] Result<void> unpin(Context& context, const Key& key);

[[nodiscard]] Result<std::set<Key>> pinned_keys(const Context& context);

}  // namespace larder::internal::store
