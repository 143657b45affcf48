// Entries that are sets of files, for devices that cache only through a directory.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "format/manifest.h"
#include "store/store.h"

namespace larder::internal::cache {

// Publishes what a private directory holds now as the entry `manifest` (its parts are replaced).
// Nothing is written where nothing changed and the entry is there already: its parts are not empty.
// Errc::unsupported where the device left no file at all.
//
// Of what this process has compiled, since `began_at_ns`, the last blob tells how long that took:
// the device may have gone on while another ran the model.
[[nodiscard]] Result<format::Manifest> keep_files(store::Store& store,
                                                  store::PrivateDirectory& directory,
                                                  const format::Manifest& manifest,
                                                  std::optional<std::int64_t> began_at_ns);

}  // namespace larder::internal::cache
