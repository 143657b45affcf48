#include "store/references/referring.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "os/composition.h"
#include "store/disk/context.h"
#include "store/objects/objects.h"
#include "store/objects/quarantine.h"

namespace larder::internal::store {
Result<format::Referring> read_referring(os::File& file, std::uint64_t object_bytes) {
    std::vector<std::byte> beginning(std::min(object_bytes, format::k_referring_table_bytes_max));
    if (auto read = file.read_at(0, beginning); !read) return fail(std::move(read.error()));
    auto referring = format::decode_referring(beginning, object_bytes);
    if (!referring) referring.error().path = file.path();
    return referring;
}

namespace {

Proof weaker(Proof a, Proof b) {
    if (a == Proof::none || b == Proof::none) return Proof::none;
    return a == Proof::read || b == Proof::read ? Proof::read : Proof::remembered;
}

const Part* find_part(const Manifest& manifest, const format::Referred& object) {
    const auto found = std::ranges::find_if(manifest.parts, [&](const Part& part) {
        return part.object == object.digest && part.bytes == object.bytes;
    });
    return found == manifest.parts.end() ? nullptr : &*found;
}

}  // namespace

Result<MappedObject> map_referring(Context& context, const Manifest& manifest, Verify policy,
                                   const SourceFinder& find, const ChunkVisitor& visit) {
    const auto& part = manifest.own_part();
    auto own = open_verified(context, manifest.key, part, policy, visit);
    if (!own) return fail(std::move(own.error()));
    const std::shared_ptr<os::File> own_file = std::move(own->file);
    auto referring = read_referring(*own_file, part.bytes);
    const auto is_named = [&](const format::Referred& each) {
        return each.kind != format::ReferredKind::object || find_part(manifest, each) != nullptr;
    };
    if (referring && referring->blob_bytes != manifest.blob_bytes) {
        referring = fail(Errc::damaged, "of another blob:", own_file->path());
    } else if (referring && !std::ranges::all_of(referring->referred, is_named)) {
        referring = fail(Errc::damaged,
                         "it refers to objects that its entry does not name:", own_file->path());
    }
    if (!referring) {
        // The bytes are those that were published, and are invalid all the same.
        if (referring.error().code == Errc::damaged) {
            static_cast<void>(quarantine_object(context, manifest.key, part.object, own->stamp));
        }
        return fail(referring.error());
    }
    std::vector<SourceRange> sources{{own_file, 0}};
    auto proof = own->proof;
    for (const auto& referred : referring->referred) {
        if (referred.kind == format::ReferredKind::object) {
            auto object =
                open_verified(context, manifest.key, *find_part(manifest, referred), policy);
            if (!object) return fail(std::move(object.error()));
            proof = weaker(proof, object->proof);
            sources.push_back({std::move(object->file), 0});
            continue;
        }
        if (!find) return fail(Errc::not_found, "it refers to the files of its model");
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
    auto mapping = context.fs().map_pieces(pieces, referring->start_in_page);
    if (!mapping) return fail(std::move(mapping.error()));
    object.mapping = std::move(*mapping);
    object.digest = part.object;
    object.stamp = own->stamp;
    object.proof = proof;
    return object;
}

}  // namespace larder::internal::store
