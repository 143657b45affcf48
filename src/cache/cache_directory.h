// What OpenVINO keeps by itself, in a CACHE_DIR.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cache/staleness.h"
#include "os/system.h"

namespace larder::internal::cache {

enum class Worth {
    usable,
    stale,    // the runtime here will never load it
    unknown,  // nothing in it tells
};

struct CachedFile {
    std::string path;
    bool is_blob = true;  // else the kernels of a GPU
    Worth worth = Worth::unknown;
    std::string reason;  // of a stale one: "version", "device", "damaged"
    std::string detail;
    std::string version;      // of the runtime that wrote it; empty where it does not tell
    std::uint64_t bytes = 0;  // on disk
    os::FileStamp stamp;
};

// Every file in `directory`, and in the directories below it, that OpenVINO has cached, in the
// order of their paths. What has another name, or is a link, is left alone. Reads their beginnings.
// Errc::invalid_argument for a larder, or what is no directory.
[[nodiscard]] Result<std::vector<CachedFile>> examine_cache_directory(const os::System& system,
                                                                      const std::string& directory,
                                                                      RuntimeFacts& runtime);

// Removes a file, if it is still the one that was examined. False if it is gone, or another.
[[nodiscard]] Result<bool> remove_cached(const os::System& system, const std::string& path,
                                         std::uint64_t inode, std::int64_t ctime_ns);

}  // namespace larder::internal::cache
