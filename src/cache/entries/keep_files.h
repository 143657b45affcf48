// Publishes entries that are sets of files, for devices that cache only through a directory.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "format/manifest.h"
#include "store/store.h"

namespace larder::internal::cache {

// Publishes the present content of a private directory as the entry `manifest`, whose parts are
// replaced. Writes nothing if nothing changed and the entry exists already, which is when its parts
// are not empty. Errc::unsupported if the device left no file at all.
//
// If this process compiled, `began_at_ns` is when it began; the time of the last blob then tells
// how long that took: the device may have continued while another ran the model.
[[nodiscard]] Result<format::Manifest> keep_files(store::Store& store,
                                                  store::PrivateDirectory& directory,
                                                  const format::Manifest& manifest,
                                                  std::optional<std::int64_t> began_at_ns);

}  // namespace larder::internal::cache
