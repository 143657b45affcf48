#include "format/referring.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "format/integers.h"

namespace larder::internal::format {
namespace {

constexpr std::array<char, 8> k_referring_magic = {'L', 'A', 'R', 'D', 'R', 'E', 'F', 'S'};
constexpr std::uint64_t k_referring_version = 1;
constexpr std::uint64_t k_referred_kind_max = 2;
constexpr std::uint64_t k_referred_bytes_max = std::numeric_limits<std::int64_t>::max() / 4;

}  // namespace

std::uint64_t Referring::shared_bytes() const {
    std::uint64_t total = 0;
    for (const auto& piece : pieces) {
        if (piece.source == 0) continue;
        if (referred[piece.source - 1].kind == ReferredKind::object) total += piece.bytes;
    }
    return total;
}

std::vector<std::byte> encode_referring(const Referring& referring) {
    const auto magic = std::as_bytes(std::span(k_referring_magic));
    std::vector<std::byte> bytes(magic.begin(), magic.end());
    bytes.reserve(referring_table_bytes(referring.referred.size(), referring.pieces.size()));
    append_u64(bytes, k_referring_version);
    append_u64(bytes, referring.blob_bytes);
    append_u64(bytes, referring.referred.size());
    append_u64(bytes, referring.pieces.size());
    append_u64(bytes, referring.start_in_page);
    for (const auto& each : referring.referred) {
        append_u64(bytes, static_cast<std::uint64_t>(each.kind));
        const auto digest = std::as_bytes(std::span(each.digest.bytes));
        bytes.insert(bytes.end(), digest.begin(), digest.end());
        append_u64(bytes, each.bytes);
    }
    for (const auto& piece : referring.pieces) {
        append_u64(bytes, piece.source);
        append_u64(bytes, piece.offset);
        append_u64(bytes, piece.bytes);
    }
    return bytes;
}

Result<Referring> decode_referring(std::span<const std::byte> beginning,
                                   std::uint64_t object_bytes) {
    const auto damaged = [](const char* what) { return fail(Errc::damaged, what); };
    const auto known_bytes = std::min<std::uint64_t>(beginning.size(), object_bytes);
    if (known_bytes < referring_table_bytes(0, 0) ||
        std::memcmp(beginning.data(), k_referring_magic.data(), k_referring_magic.size()) != 0) {
        return damaged("not an object that refers to a model");
    }
    const auto version = read_u64(beginning, 8);
    if (version > k_referring_version) {
        return fail(Errc::unsupported, "an object of a newer larder refers to a model");
    }
    Referring referring;
    referring.blob_bytes = read_u64(beginning, 16);
    const auto referred = read_u64(beginning, 24);
    const auto pieces = read_u64(beginning, 32);
    referring.start_in_page = read_u64(beginning, 40);
    if (version != k_referring_version || referring.start_in_page >= k_referring_page_bytes ||
        referring.start_in_page % k_referring_alignment_bytes != 0 ||
        referring.blob_bytes > k_referred_bytes_max || referred > k_referred_max ||
        pieces > k_referring_pieces_max || referring_table_bytes(referred, pieces) > known_bytes) {
        return damaged("an object that refers to a model has a wrong header");
    }
    auto at = referring_table_bytes(0, 0);
    for (std::uint64_t i = 0; i < referred; ++i, at += 48) {
        const auto kind = read_u64(beginning, at);
        Referred each;
        if (kind > k_referred_kind_max) return damaged("refers to nothing");
        each.kind = static_cast<ReferredKind>(kind);
        std::memcpy(each.digest.bytes.data(), beginning.data() + at + 8, Digest::k_size_bytes);
        each.bytes = read_u64(beginning, at + 40);
        if (each.bytes > k_referred_bytes_max) return damaged("refers to nothing");
        referring.referred.push_back(each);
    }
    const auto table_bytes = referring_table_bytes(referred, pieces);
    auto left = referring.blob_bytes;
    for (std::uint64_t i = 0; i < pieces; ++i, at += 24) {
        const auto source = read_u64(beginning, at);
        const ReferringPiece piece{static_cast<std::uint32_t>(source & 0xffff'ffffU),
                                   read_u64(beginning, at + 8), read_u64(beginning, at + 16)};
        if (source > referred) return damaged("a piece of no bytes");
        const auto begin = source == 0 ? table_bytes : 0;
        const auto end = source == 0 ? object_bytes : referring.referred[source - 1].bytes;
        if (piece.bytes == 0 || piece.bytes > left || piece.offset < begin || piece.offset > end ||
            piece.bytes > end - piece.offset) {
            return damaged("a piece outside of its file");
        }
        left -= piece.bytes;
        referring.pieces.push_back(piece);
    }
    if (left != 0) return damaged("the pieces do not cover the blob");
    return referring;
}

}  // namespace larder::internal::format
