#include "cache/entries/keep_files.h"

#include <algorithm>
#include <utility>

namespace larder::internal::cache {
namespace {

constexpr std::int64_t k_ns_of_ms = 1'000'000;

}  // namespace

Result<format::Manifest> keep_files(store::Store& store, store::PrivateDirectory& directory,
                                    const format::Manifest& manifest,
                                    std::optional<std::int64_t> began_at_ns) {
    auto harvest = store.harvest(directory);
    if (!harvest) return fail(std::move(harvest.error()));
    if (harvest->fresh.empty() && harvest->kept.empty()) {
        return fail(Errc::unsupported, "the device wrote nothing to its cache directory");
    }
    if (!harvest->changed()) return manifest;
    store::Publication publication;
    publication.manifest = manifest;
    publication.manifest.encoding = format::Encoding::files;
    publication.manifest.parts.clear();
    auto& cost = publication.manifest.compile_ms;
    for (const auto& [name, stamp] : harvest->stamps) {
        // Other files, such as kernels, are made at inferences: their times say nothing about the
        // compile.
        if (!name.ends_with(".blob")) continue;
        const auto spent = stamp.mtime_ns - began_at_ns.value_or(stamp.mtime_ns);
        if (spent > 0) cost = std::max(cost, static_cast<std::uint64_t>(spent / k_ns_of_ms));
    }
    publication.sources = std::move(harvest->fresh);
    publication.kept = harvest->kept;
    auto kept = store.publish(publication);
    if (kept) directory.note_kept(*harvest, *kept);
    return kept;
}

}  // namespace larder::internal::cache
