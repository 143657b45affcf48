// Examines and cleans the files that OpenVINO itself caches in a CACHE_DIR.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cache/stale/staleness.h"
#include "larder/cache_directory.hpp"
#include "os/system.h"

namespace larder::internal::cache {

using larder::CachedFile;

// Returns every file that OpenVINO has cached in `directory` or below it, ordered by path. Skips
// other names and links. Reads the beginning of each file. Errc::invalid_argument if `directory` is
// a larder, or not a directory.
[[nodiscard]] Result<std::vector<CachedFile>> examine_cache_directory(const os::System& system,
                                                                      const std::string& directory,
                                                                      Machine& machine);

// Removes a file if it is still the one that was examined. False if it is gone or replaced.
[[nodiscard]] Result<bool> remove_cached(const os::System& system, const std::string& path,
                                         std::uint64_t inode, std::int64_t ctime_ns);

}  // namespace larder::internal::cache
