// What it takes until every change of a file shows in its stamp.
#pragma once

#include <string>

#include "os/file_system.h"

namespace larder::internal::model {

// Whether a store to a mapped page of this file can move its times at all. Not on a file system in
// memory; there, hashing costs little. False if that cannot be found out.
[[nodiscard]] bool stores_can_show(os::FileSystem& fs, const std::string& path);

// Writes to disk what waits for that. Where a page does, further stores to it through a mapping,
// also another process's, move no time; after this, the next one does. To be called before the
// stamp is taken, or compared, under which something is remembered. False if it failed: then
// nothing may be remembered. Costs little where all is on disk.
[[nodiscard]] bool make_stores_show(os::File& file);

}  // namespace larder::internal::model
