#include "store/objects/objects.h"

#include <utility>

#include "format/chunk_list.h"
#include "store/objects/quarantine.h"

namespace larder::internal::store {
namespace {

Error put_aside(Context& context, const std::optional<Key>& key, const Digest& object,
                const os::FileStamp& seen, Error damage) {
    if (auto aside = quarantine_object(context, key, object, seen); !aside) {
        context.log.debug("a damaged object stays: " + aside.error().message());
    }
    return damage;
}

// Proves, according to `policy` and size, that the bytes of an open file are what its name says.
Result<Proof> prove(Context& context, os::File& file, const os::FileStamp& stamp,
                    const Digest& object, Verify policy, const ChunkVisitor& visit) {
    const bool is_small = stamp.size_bytes < k_small_object_bytes;
    if (!is_small && policy == Verify::never) return Proof::none;
    if (!is_small && policy == Verify::once && context.memory.contains(stamp, object)) {
        return Proof::remembered;
    }
    const auto started_at_ns = context.system.clock.wall().count();
    const auto content = hash_file(file, stamp.size_bytes, context.threads, visit);
    if (!content) return fail(content.error());
    if (content->digest != object) return fail(damage_of(context, object, *content));
    if (is_small) return Proof::read;
    const auto after = file.info();
    if (after && after->stamp == stamp && os::is_settled(stamp, started_at_ns)) {
        context.memory.remember(stamp, object);
    }
    return Proof::read;
}

}  // namespace

Error damage_of(const Context& context, const Digest& object, const ContentDigest& content) {
    Error error{Errc::damaged, 0, "its bytes have changed:", context.layout.object(object), {}};
    const auto bytes_max = format::chunk_list_bytes(content.chunks.size() * k_chunk_size_bytes);
    const auto text = os::read_text(context.fs(), context.layout.chunks(object), bytes_max);
    if (!text) return error;
    const auto list = format::decode_chunk_list(std::as_bytes(std::span(*text)), object);
    if (!list || list->chunks.size() != content.chunks.size()) return error;
    for (std::size_t i = 0; i < list->chunks.size(); ++i) {
        if (list->chunks[i] == content.chunks[i]) continue;
        error.what = "chunk " + std::to_string(i) + " of " + std::to_string(list->chunks.size()) +
                     " (from byte " + std::to_string(i * k_chunk_size_bytes) + ") has changed:";
        break;
    }
    return error;
}

Result<OpenedObject> open_verified(Context& context, const std::optional<Key>& key,
                                   const Part& part, Verify policy, const ChunkVisitor& visit) {
    const auto path = context.layout.object(part.object);
    auto file = context.fs().open(path, os::OpenMode::read);
    if (!file) return fail(std::move(file.error()));
    const auto info = (*file)->info();
    if (!info) return fail(info.error());
    const auto& stamp = info->stamp;
    if (info->kind != os::FileKind::regular || stamp.size_bytes != part.bytes) {
        Error damage{Errc::damaged,
                     0,
                     "the object has " + std::to_string(stamp.size_bytes) + " bytes instead of " +
                         std::to_string(part.bytes) + ":",
                     path,
                     {}};
        return fail(put_aside(context, key, part.object, stamp, std::move(damage)));
    }
    auto proof = prove(context, **file, stamp, part.object, policy, visit);
    if (!proof) {
        if (proof.error().code != Errc::damaged) return fail(std::move(proof.error()));
        return fail(put_aside(context, key, part.object, stamp, std::move(proof.error())));
    }
    return OpenedObject{std::move(*file), stamp, *proof};
}

Result<MappedObject> map_object(Context& context, const Key& key, const Part& part, Verify policy,
                                const ChunkVisitor& visit) {
    auto object = open_verified(context, key, part, policy, visit);
    if (!object) return fail(std::move(object.error()));
    auto mapping = context.fs().map(*object->file, part.bytes);
    if (!mapping) return fail(std::move(mapping.error()));
    return MappedObject{std::move(*mapping),
                        {{0, part.bytes, std::move(object->file), 0}},
                        part.object,
                        object->stamp,
                        object->proof};
}

ChunkVisitor counting(const ReadProgress& progress) {
    if (!progress) return {};
    return [&progress](std::uint64_t, std::span<const std::byte> bytes) {
        progress(bytes.size());
        return Result<void>{};
    };
}

}  // namespace larder::internal::store
