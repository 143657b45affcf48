#include "store/referring.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "os/composition.h"
#include "store/context.h"
#include "store/objects.h"
#include "store/quarantine.h"

namespace larder::internal::store {
namespace {

Result<format::Referring> read_referring(os::File& file, const Manifest& manifest) {
    const auto bytes = manifest.own_part().bytes;
    std::vector<std::byte> beginning(std::min(bytes, format::k_referring_table_bytes_max));
    if (auto read = file.read_at(0, beginning); !read) return fail(std::move(read.error()));
    auto referring = format::decode_referring(beginning, bytes);
    if (referring && referring->blob_bytes != manifest.blob_bytes) {
        referring = fail(Errc::damaged, "of another blob:");
    }
    if (!referring) referring.error().path = file.path();
    return referring;
}

}  // namespace

Result<MappedObject> map_referring(Context& context, const Manifest& manifest, VerifyPolicy policy,
                                   const SourceFinder& find, const ChunkVisitor& visit) {
    const auto& part = manifest.own_part();
    auto own = open_verified(context, manifest.key, part, policy, visit);
    if (!own) return fail(std::move(own.error()));
    const std::shared_ptr<os::File> own_file = std::move(own->file);
    const auto referring = read_referring(*own_file, manifest);
    if (!referring) {
        // The bytes are those that were published, and are invalid all the same.
        if (referring.error().code == Errc::damaged) {
            static_cast<void>(quarantine_object(context, manifest.key, part.object, own->stamp));
        }
        return fail(referring.error());
    }
    std::vector<SourceRange> sources{{own_file, 0}};
    if (!find && !referring->referred.empty()) {
        return fail(Errc::not_found, "it refers to the files of its model");
    }
    for (const auto& referred : referring->referred) {
        auto source = find(referred);
        if (!source) return fail(std::move(source.error()));
        sources.push_back(std::move(*source));
    }
    std::vector<os::MapPiece> pieces;
    pieces.reserve(referring->pieces.size());
    MappedObject object;
    std::uint64_t offset = 0;
    for (const auto& piece : referring->pieces) {
        const auto& source = sources[piece.source];
        const auto at = source.offset + piece.offset;
        pieces.push_back({source.file.get(), at, piece.bytes, source.is_copied});
        // Shorter pieces are copied.
        if (piece.bytes >= os::k_mapped_bytes_min && !source.is_copied) {
            object.ranges.push_back({offset, piece.bytes, source.file, at});
        }
        offset += piece.bytes;
    }
    auto mapping = context.fs().map_pieces(pieces, 0);
    if (!mapping) return fail(std::move(mapping.error()));
    object.mapping = std::move(*mapping);
    object.digest = part.object;
    object.stamp = own->stamp;
    object.proof = own->proof;
    return object;
}

}  // namespace larder::internal::store
