// What OpenVINO itself keeps in a CACHE_DIR, for who goes over to a larder, or wants to clean one.
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
        kernels,  // of a GPU
    };
    enum class Worth {
        usable,   // by the runtime here, as far as its header tells
        stale,    // the runtime here never loads it
        unknown,  // nothing in it tells
    };
    std::filesystem::path path;
    Kind kind = Kind::blob;
    Worth worth = Worth::unknown;
    std::string reason;       // of a stale one: "version", "device", "damaged"
    std::string detail;       // in words
    std::string version;      // of the OpenVINO that wrote it; empty where it does not tell
    std::uint64_t bytes = 0;  // on disk
    std::uint64_t inode = 0;
    std::int64_t changed_ns = 0;  // with the inode, what remove_cached knows it by
};

// "blob", "kernels"; "usable", "stale", "unknown".
[[nodiscard]] LARDER_EXPORT const char* to_string(CachedFile::Kind kind) noexcept;
[[nodiscard]] LARDER_EXPORT const char* to_string(CachedFile::Worth worth) noexcept;
inline std::ostream& operator<<(std::ostream& out, CachedFile::Kind kind) {
    return out << to_string(kind);
}
inline std::ostream& operator<<(std::ostream& out, CachedFile::Worth worth) {
    return out << to_string(worth);
}

// Every file that OpenVINO has cached in `directory`, or below it. Files with other names or other
// content, links, and larders are passed over. Throws Error: `not_found`, `invalid_argument` for a
// larder or what is no directory.
[[nodiscard]] LARDER_EXPORT std::vector<CachedFile> examine_cache_directory(
    const std::filesystem::path& directory, Machine& machine);

// Removes those of `files` that are still what was examined. How many bytes that freed.
LARDER_EXPORT std::uint64_t remove_cached(const std::vector<CachedFile>& files);

}  // namespace larder
