// Examines and cleans the files that OpenVINO itself caches in a CACHE_DIR: for users who switch to
// larder, or who want to clean such a directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "larder/export.hpp"
#include "larder/require_cxx20.hpp"
#include "larder/staleness.hpp"

namespace larder {

struct CachedFile {
    enum class Kind {
        blob,     // a compiled model
        kernels,  // for a GPU
    };
    enum class Worth {
        usable,   // the runtime of this machine can load it, according to its header
        stale,    // the runtime of this machine never loads it
        unknown,  // the file does not say
    };
    std::filesystem::path path;
    Kind kind = Kind::blob;
    Worth worth = Worth::unknown;
    std::string reason;       // of a stale file: "version", "device", "damaged"
    std::string detail;       // in words
    std::string version;      // of the OpenVINO that wrote it; empty if the file does not say
    std::uint64_t bytes = 0;  // on disk
    std::uint64_t inode = 0;
    std::int64_t changed_ns = 0;  // with the inode, identifies the file for remove_cached
};

// Returns "blob" or "kernels"; "usable", "stale" or "unknown".
[[nodiscard]] LARDER_EXPORT const char* to_string(CachedFile::Kind kind) noexcept;
[[nodiscard]] LARDER_EXPORT const char* to_string(CachedFile::Worth worth) noexcept;
inline std::ostream& operator<<(std::ostream& out, CachedFile::Kind kind) {
    return out << to_string(kind);
}
inline std::ostream& operator<<(std::ostream& out, CachedFile::Worth worth) {
    return out << to_string(worth);
}

// Returns every file that OpenVINO has cached in `directory` or below it. Skips files with other
// names or other content, links, and larders. Throws Error: `not_found`; `invalid_argument` if
// `directory` is a larder or not a directory.
[[nodiscard]] LARDER_EXPORT std::vector<CachedFile> examine_cache_directory(
    const std::filesystem::path& directory, Machine& machine);

// Removes those of `files` that have not changed since they were examined. Returns the number of
// bytes freed.
LARDER_EXPORT std::uint64_t remove_cached(const std::vector<CachedFile>& files);

}  // namespace larder
