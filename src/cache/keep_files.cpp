#include "cache/keep_files.h"

#include <utility>

namespace larder::internal::cache {

Result<format::Manifest> keep_files(store::Store& store, store::PrivateDirectory& directory,
                                    const format::Manifest& manifest) {
    auto harvest = store.harvest(directory);
    if (!harvest) return fail(std::move(harvest.error()));
    if (harvest->fresh.empty() && harvest->kept.empty()) {
        return fail(Errc::unsupported, "the device kept nothing in its cache directory");
    }
    if (!harvest->changed()) return manifest;
    store::Publication publication;
    publication.manifest = manifest;
    publication.manifest.encoding = format::Encoding::files;
    publication.manifest.parts.clear();
    publication.sources = std::move(harvest->fresh);
    publication.kept = harvest->kept;
    auto kept = store.publish(publication);
    if (kept) directory.note_kept(*harvest, *kept);
    return kept;
}

}  // namespace larder::internal::cache
