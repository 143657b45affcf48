#include "store/lookup.h"

#include <utility>

#include "store/quarantine.h"

namespace larder::internal::store {

Result<Manifest> read_manifest(const Context& context, const Key& key) {
    const auto path = context.layout.entry(key);
    const auto text = os::read_text(context.fs(), path, format::k_manifest_bytes_max);
    if (!text) return fail(text.error());
    auto manifest = format::decode_manifest(*text, key);
    if (!manifest) manifest.error().path = path;
    return manifest;
}

Lookup find_entry(Context& context, const Key& key) {
    auto manifest = read_manifest(context, key);
    if (!manifest) {
        auto error = std::move(manifest.error());
        if (error.code == Errc::not_found) return {};
        if (error.code == Errc::damaged && context.access == Access::read_write) {
            if (auto aside = quarantine_manifest(context, key); !aside) {
                context.log.debug("a damaged entry stays: " + aside.error().message());
            }
        }
        return {{}, std::move(error)};
    }
    for (const auto& part : manifest->parts) {
        if (is_distrusted(context, part.object)) {
            return {{},
                    Error{Errc::damaged,
                          0,
                          "this machine has set aside",
                          context.layout.object(part.object),
                          {}}};
        }
    }
    return {std::move(*manifest), {}};
}

}  // namespace larder::internal::store
