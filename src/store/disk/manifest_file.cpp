#include "store/disk/manifest_file.h"

namespace larder::internal::store {

Result<Manifest> read_manifest(const Context& context, const Key& key) {
    const auto path = context.layout.entry(key);
    const auto text = os::read_text(context.fs(), path, format::k_manifest_bytes_max);
    if (!text) return fail(text.error());
    auto manifest = format::decode_manifest(*text, key);
    if (!manifest) manifest.error().path = path;
    return manifest;
}

}  // namespace larder::internal::store
