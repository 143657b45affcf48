// Reads the file of an entry. Private to store/.
#pragma once

#include "base/result.h"
#include "store/disk/context.h"
#include "store/disk/types.h"

namespace larder::internal::store {

// Errors of reading and of format::decode_manifest, with the path.
[[nodiscard]] Result<Manifest> read_manifest(const Context& context, const Key& key);

}  // namespace larder::internal::store
