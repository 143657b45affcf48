// Decompresses entries: stores their blobs raw again.
#include <optional>
#include <utility>

#include "store/compression/compressed_object.h"
#include "store/compression/compression.h"
#include "store/compression/packing.h"
#include "store/compression/recoding.h"
#include "store/disk/manifest_file.h"
#include "store/objects/objects.h"

namespace larder::internal::store {
namespace {

PartSource source_of(Context& context, Recoder& recoder, os::File& file,
                     const format::Compressed& table) {
    PartSource source;
    source.write = [&](StagedFile& staged) {
        return unpack_frames(file, table, context.threads,
                             [&](std::uint64_t offset, std::span<const std::byte> bytes) {
                                 return staged.write_at(offset, bytes);
                             });
    };
    source.check = [&](os::File& written, const Part& part) -> Result<void> {
        if (part.object != table.blob) {
            return fail(Errc::damaged,
                        "decompressing it does not restore the original:", file.path());
        }
        if (!recoder.advance(part.bytes)) return fail(Errc::busy, "ended", written.path());
        return {};
    };
    return source;
}

// Returns the size on disk afterwards.
Result<std::uint64_t> decompress(Context& context, Recoder& recoder, const Manifest& manifest) {
    if (recoder.is_dry_run()) return disk_bytes_of(manifest.blob_bytes);
    const auto compile_locks = recoder.take_compile_locks({manifest.key});
    if (!compile_locks) return fail(compile_locks.error());
    const auto& part = manifest.own_part();
    const auto object = open_verified(context, manifest.key, part, Verify::always);
    if (!object) return fail(object.error());
    const auto table = read_frame_table(*object->file, part.bytes, manifest.blob_bytes);
    if (!table) return fail(table.error());
    Publication publication;
    publication.manifest = manifest;
    publication.manifest.encoding = Encoding::raw;
    publication.manifest.blob_bytes = 0;
    publication.sources.push_back(source_of(context, recoder, *object->file, *table));
    const auto kept = recoder.replace(std::move(publication), manifest, std::nullopt, false);
    if (!kept) return fail(kept.error());
    return recoder.disk_bytes(kept->parts.front().object);
}

}  // namespace

Result<Recoding> decompress_entries(Context& context, std::span<const Key> keys, DryRun dry_run,
                                    const ProgressCallback& progress) {
    Recoder recoder(context, dry_run, progress);
    auto& report = recoder.report();
    const auto begun = recoder.begin();
    if (!begun) return fail(begun.error());
    if (!*begun) return std::move(report);
    std::vector<Manifest> manifests;
    for (const auto& key : keys) {
        auto manifest = read_manifest(context, key);
        if (!manifest) return fail(std::move(manifest.error()));
        if (manifest->encoding == Encoding::compressed) {
            recoder.expect(manifest->blob_bytes);
            manifests.push_back(std::move(*manifest));
        } else {
            report.left.push_back({std::move(*manifest), Unchanged::encoding, {}});
        }
    }
    std::set<Digest> counted;
    for (const auto& manifest : manifests) {
        const auto& object = manifest.own_part().object;
        const auto before = recoder.disk_bytes(object);
        const auto after = decompress(context, recoder, manifest);
        if (recoder.ended()) break;
        if (!after) {
            if (after.error().code == Errc::read_only) return fail(after.error());
            report.left.push_back({manifest, unchanged_by(after.error()), after.error()});
            continue;
        }
        report.done.push_back({manifest, before, *after});
        if (!counted.insert(object).second) continue;
        report.before_bytes += before;
        report.after_bytes += *after;
    }
    return std::move(report);
}

}  // namespace larder::internal::store
