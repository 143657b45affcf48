// Makes sure that every later change of a file shows in its stamp.
#pragma once

#include <string>

#include "os/file_system.h"

namespace larder::internal::model {

// Tells whether a store to a mapped page of this file can change its times at all. That is not so
// on a file system in memory, where hashing costs little. False if unknown.
[[nodiscard]] bool stores_can_show(os::FileSystem& fs, const std::string& path);

// Writes the file's dirty pages to disk. Further stores to a dirty page through a mapping, also by
// another process, change no time; after this, the next one does. To be called before the stamp
// that something is remembered under is taken or compared. False if it failed: then nothing may be
// remembered. Costs little if everything is on disk.
[[nodiscard]] bool make_stores_show(os::File& file);

}  // namespace larder::internal::model
