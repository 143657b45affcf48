#include "larder/cache_directory.hpp"

#include "api/convert.h"
#include "cache/stale/cache_directory.h"
#include "os/system.h"

namespace larder {

namespace cache = internal::cache;

const char* to_string(CachedFile::Kind kind) noexcept {
    switch (kind) {
        case CachedFile::Kind::blob: return "blob";
        case CachedFile::Kind::kernels: return "kernels";
    }
    return "";
}

const char* to_string(CachedFile::Worth worth) noexcept {
    switch (worth) {
        case CachedFile::Worth::usable: return "usable";
        case CachedFile::Worth::stale: return "stale";
        case CachedFile::Worth::unknown: return "unknown";
    }
    return "";
}

std::vector<CachedFile> examine_cache_directory(const std::filesystem::path& directory,
                                                Machine& machine) {
    const internal::os::RealSystem system;
    return api::value_or_throw(
        cache::examine_cache_directory(system.system(), directory.string(), machine));
}

std::uint64_t remove_cached(const std::vector<CachedFile>& files) {
    const internal::os::RealSystem system;
    std::uint64_t freed_bytes = 0;
    for (const auto& file : files) {
        const auto removed = api::value_or_throw(
            cache::remove_cached(system.system(), file.path.string(), file.inode, file.changed_ns));
        if (removed) freed_bytes += file.bytes;
    }
    return freed_bytes;
}

}  // namespace larder
