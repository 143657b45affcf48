#include "model/loaded_file.h"

#include <algorithm>
#include <utility>

#include "model/fingerprint.h"
#include "model/source.h"

namespace larder::internal::model {
namespace {

bool holds(const os::FileMapping& mapping, std::uintptr_t address) {
    const auto begin = reinterpret_cast<std::uintptr_t>(mapping.memory.data());
    return address >= begin && address - begin < mapping.memory.size();
}

}  // namespace

Result<std::optional<Digest>> hash_file(const os::System& system, FingerprintMemory& memory,
                                        const std::string& path) {
    const auto info = system.fs.info(path);
    // A text that only looks like a path may be too long for one.
    if (!info || info->kind != os::FileKind::regular) return std::nullopt;
    ModelSource source;
    source.path = path;
    source.files.push_back({"content", path, info->stamp});
    const auto hashed = fingerprint(system, memory, source);
    if (!hashed) return fail(hashed.error());
    return hashed->files.front().digest;
}

Result<Digest> LoadedFiles::digest(const std::string& name, std::uintptr_t address) {
    if (!mappings_) {
        auto found = address_space_.file_mappings();
        if (!found) return fail(std::move(found.error()));
        mappings_ = std::move(*found);
    }
    const auto mapping =
        std::ranges::find_if(*mappings_, [&](const auto& each) { return holds(each, address); });
    if (mapping == mappings_->end()) {
        return fail(Errc::unsupported, "'" + name + "' was loaded from no file");
    }
    // Ignores the device: on some file systems `stat` reports another one than the kernel.
    const auto info = system_.fs.info(mapping->path);
    if (!info || info->stamp.inode != mapping->inode) {
        return fail(Errc::unsupported,
                    "'" + name + "' was replaced or removed after this program loaded it");
    }
    const auto digest = hash_file(system_, memory_, mapping->path);
    if (!digest) return fail(digest.error());
    if (!*digest) return fail(Errc::unsupported, "'" + name + "' was loaded from no file");
    return **digest;
}

}  // namespace larder::internal::model
