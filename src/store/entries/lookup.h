// Finds the entry of a key. Private to store/.
#pragma once

#include "store/disk/context.h"
#include "store/disk/types.h"

namespace larder::internal::store {

[[nodiscard]] Lookup find_entry(Context& context, const Key& key);

}  // namespace larder::internal::store
