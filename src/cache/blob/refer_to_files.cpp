#include "cache/blob/refer_to_files.h"

#include <algorithm>
#include <cstdint>
#include <map>

#include "format/referring.h"

namespace larder::internal::cache {
namespace {

using format::Referred;
using format::ReferredKind;

struct InFile {
    std::size_t file = 0;  // of the fingerprint
    std::uint64_t offset = 0;
};

std::map<Digest, InFile> ranges_in(const model::MemoryContent& memory,
                                   const model::Fingerprinted& files) {
    std::map<Digest, InFile> found;
    for (const auto& range : memory.in_files) {
        const auto& mapped = memory.files[range.file];
        const auto file = std::ranges::find_if(
            files.files, [&](const auto& each) { return each.stamp == mapped.stamp; });
        if (file == files.files.end()) continue;
        found.emplace(range.digest,
                      InFile{static_cast<std::size_t>(file - files.files.begin()), range.offset});
    }
    return found;
}

}  // namespace

Result<std::vector<std::byte>> refer_to_files(std::span<const std::byte> object,
                                              const model::MemoryContent& memory,
                                              const model::Fingerprinted& files) {
    auto referring = format::decode_referring(
        object.first(std::min<std::size_t>(object.size(), format::k_referring_table_bytes_max)),
        object.size());
    if (!referring) return fail(std::move(referring.error()));
    const auto ranges = ranges_in(memory, files);
    std::vector<Referred> referred;
    std::map<std::size_t, std::uint32_t> source_of;  // by the file
    std::map<Digest, std::uint32_t> object_source_of;
    const auto add = [&](auto& known, const auto& what, const Referred& each) {
        const auto next = static_cast<std::uint32_t>(referred.size() + 1);
        const auto [source, is_new] = known.try_emplace(what, next);
        if (is_new) referred.push_back(each);
        return source->second;
    };
    for (auto& piece : referring->pieces) {
        if (piece.source == 0) continue;
        const auto& before = referring->referred[piece.source - 1];
        if (before.kind == ReferredKind::file) {
            return fail(Errc::not_found, "it refers to a file already");
        }
        if (before.kind == ReferredKind::object) {
            piece.source = add(object_source_of, before.digest, before);
            continue;
        }
        const auto range = ranges.find(before.digest);
        if (range == ranges.end()) {
            return fail(Errc::not_found, "a constant is in none of the model's files");
        }
        const auto& file = files.files[range->second.file];
        piece.source = add(source_of, range->second.file,
                           Referred{ReferredKind::file, file.digest, file.stamp.size_bytes});
        piece.offset += range->second.offset;
    }
    // There are at most as many files as constants: the bytes that the object itself holds stay in
    // place.
    referring->referred = std::move(referred);
    std::vector<std::byte> changed(object.begin(), object.end());
    std::ranges::copy(format::encode_referring(*referring), changed.begin());
    return changed;
}

}  // namespace larder::internal::cache
