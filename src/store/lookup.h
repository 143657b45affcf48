// Finds the entry of a key. Private to store/.
#pragma once

#include "base/result.h"
#include "store/context.h"
#include "store/types.h"

namespace larder::internal::store {

// Errors of reading and of format::decode_manifest, with the path.
[[nodiscard]] Result<Manifest> read_manifest(const Context& context, const Key& key);

[[nodiscard]] Lookup find_entry(Context& context, const Key& key);

}  // namespace larder::internal::store
