// Entries that are sets of files, for devices that cache only through a directory.
#pragma once

#include "base/result.h"
#include "format/manifest.h"
#include "store/store.h"

namespace larder::internal::cache {

// Publishes what a private directory holds now as the entry `manifest` (its parts are replaced).
// Nothing is written where nothing changed and the entry is there already: its parts are not empty.
// Errc::unsupported where the device left no file at all.
[[nodiscard]] Result<format::Manifest> keep_files(store::Store& store,
                                                  store::PrivateDirectory& directory,
                                                  const format::Manifest& manifest);

}  // namespace larder::internal::cache
