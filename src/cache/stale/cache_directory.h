// Examines and cleans the files that OpenVINO itself caches in a CACHE_DIR.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cache/stale/staleness.h"
#include "os/system.h"

namespace larder::internal::cache {

enum class Worth {
    usable,
    stale,    // the runtime of this machine never loads it
    unknown,  // the file does not say
};

struct CachedFile {
    std::string path;
    bool is_blob = true;  // false: the kernels of a GPU
    Worth worth = Worth::unknown;
    std::string reason;  // of a stale file: "version", "device", "damaged"
    std::string detail;
    std::string version;      // of the runtime that wrote it; empty if the file does not say
    std::uint64_t bytes = 0;  // on disk
    os::FileStamp stamp;
};

// Returns every file that OpenVINO has cached in `directory` or below it, ordered by path. Skips
// other names and links. Reads the beginning of each file. Errc::invalid_argument if `directory` is
// a larder, or not a directory.
[[nodiscard]] Result<std::vector<CachedFile>> examine_cache_directory(const os::System& system,
                                                                      const std::string& directory,
                                                                      RuntimeFacts& runtime);

// Removes a file if it is still the one that was examined. False if it is gone or replaced.
[[nodiscard]] Result<bool> remove_cached(const os::System& system, const std::string& path,
                                         std::uint64_t inode, std::int64_t ctime_ns);

}  // namespace larder::internal::cache
