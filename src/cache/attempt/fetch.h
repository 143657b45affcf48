// Serves a request with an entry of a storage that machines share.
#pragma once

#include <optional>

#include "cache/attempt/attempt.h"

namespace larder::internal::cache {

// To be called after a miss, with the compile lock of the key if the request may compile: has the
// entry fetched, and loads it. If there is none, or it cannot be loaded, returns nothing and adds
// to `miss` what is known. Takes as long as Tiers::fetch, for all keys of a request together.
[[nodiscard]] std::optional<Served> fetch_and_load(Attempt& attempt, Miss& miss, Locked locked);

}  // namespace larder::internal::cache
