#include "store/publish/durability.h"

#include <string>

#include "store/disk/context.h"
#include "store/disk/manifest_file.h"

namespace larder::internal::store {
namespace {

// Also the directory above, which may have been made with it.
Result<void> sync_with_name(Context& context, const std::string& path) {
    auto& fs = context.fs();
    const auto file = fs.open(path, os::OpenMode::read);
    if (!file) return fail(file.error());
    if (auto synced = (*file)->sync(); !synced) return synced;
    const auto directory = os::parent_directory(path);
    if (auto synced = fs.sync_directory(directory); !synced) return synced;
    return fs.sync_directory(os::parent_directory(directory));
}

}  // namespace

Result<void> sync_if_small(Context& context, const Part& part) {
    if (part.bytes >= k_small_object_bytes) return {};
    return sync_with_name(context, context.layout.object(part.object));
}

Result<void> sync_entry(Context& context, const Key& key) {
    const auto manifest = read_manifest(context, key);
    if (!manifest) return fail(manifest.error());
    // In this order, as in publish: an entry never names an object that is lost.
    for (const auto& part : manifest->parts) {
        if (auto synced = sync_if_small(context, part); !synced) return synced;
    }
    return sync_with_name(context, context.layout.entry(key));
}

}  // namespace larder::internal::store
