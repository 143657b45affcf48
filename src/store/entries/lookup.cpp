#include "store/entries/lookup.h"

#include <utility>

#include "store/disk/manifest_file.h"
#include "store/objects/quarantine.h"

namespace larder::internal::store {

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
                          "set aside on this machine:",
                          context.layout.object(part.object),
                          {}}};
        }
    }
    return {std::move(*manifest), {}};
}

}  // namespace larder::internal::store
