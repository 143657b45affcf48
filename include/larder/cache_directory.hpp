/// \file
/// Examines and cleans the files that OpenVINO itself caches in a CACHE_DIR: for users who switch
/// to larder, or who want to clean such a directory.
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

/// A file that OpenVINO itself has cached.
struct CachedFile {
    /// The content of a file.
    enum class Kind {
        blob,     ///< a compiled model
        kernels,  ///< for a GPU
    };
    /// Whether anybody can still use it.
    enum class Worth {
        usable,   ///< the runtime of this machine can load it, according to its header
        stale,    ///< the runtime of this machine never loads it
        unknown,  ///< the file does not say
    };
    std::filesystem::path path;    ///< in the directory that was examined
    Kind kind = Kind::blob;        ///< by its name and header
    Worth worth = Worth::unknown;  ///< by its header
    std::string reason;            ///< of a stale file: "version", "device", "damaged"
    std::string detail;            ///< in words
    std::string version;          ///< of the OpenVINO that wrote it; empty if the file does not say
    std::uint64_t bytes = 0;      ///< on disk
    std::uint64_t inode = 0;      ///< with `changed_ns`, identifies the file for remove_cached
    std::int64_t changed_ns = 0;  ///< st_ctim, in nanoseconds since the epoch
};

/// Returns "blob" or "kernels".
[[nodiscard]] LARDER_EXPORT const char* to_string(CachedFile::Kind kind) noexcept;
/// Returns "usable", "stale" or "unknown".
[[nodiscard]] LARDER_EXPORT const char* to_string(CachedFile::Worth worth) noexcept;
/// Writes to_string().
inline std::ostream& operator<<(std::ostream& out, CachedFile::Kind kind) {
    return out << to_string(kind);
}
/// Writes to_string().
inline std::ostream& operator<<(std::ostream& out, CachedFile::Worth worth) {
    return out << to_string(worth);
}

/// Returns every file that OpenVINO has cached in `directory` or below it. Skips files with other
/// names or other content, links, and larders. Throws Error: `not_found`; `invalid_argument` if
/// `directory` is a larder or not a directory.
[[nodiscard]] LARDER_EXPORT std::vector<CachedFile> examine_cache_directory(
    const std::filesystem::path& directory, Machine& machine);

/// Removes those of `files` that have not changed since they were examined. Returns the number of
/// bytes freed.
LARDER_EXPORT std::uint64_t remove_cached(const std::vector<CachedFile>& files);

}  // namespace larder
