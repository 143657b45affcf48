#include "format/encrypted.h"

#include <vector>

#include "format/integers.h"

namespace larder::internal::format {
namespace {

constexpr std::string_view k_magic = "larder piece 1\n\n";
constexpr std::size_t k_key_offset = k_magic.size();
constexpr std::size_t k_blob_bytes_offset = k_key_offset + Digest::k_size_bytes;
constexpr std::size_t k_index_offset = k_blob_bytes_offset + sizeof(std::uint64_t);
constexpr std::size_t k_head_bytes = k_index_offset + sizeof(std::uint64_t);

tl::unexpected<Error> other_callbacks() {
    return fail(Errc::incompatible, "it was encrypted by other callbacks");
}

}  // namespace

std::string encode_piece(const PiecePlace& place, std::span<const std::byte> bytes) {
    std::vector<std::byte> numbers;
    append_u64(numbers, place.blob_bytes);
    append_u64(numbers, place.index);
    std::string text;
    text.reserve(k_head_bytes + bytes.size());
    const auto append = [&](std::span<const std::byte> part) {
        text.append(reinterpret_cast<const char*>(part.data()), part.size());
    };
    text.append(k_magic);
    append(std::as_bytes(std::span(place.key.digest.bytes)));
    append(numbers);
    append(bytes);
    return text;
}

Result<Piece> decode_piece(std::string_view text) {
    if (text.size() < k_head_bytes || !text.starts_with(k_magic)) return other_callbacks();
    const auto bytes = std::as_bytes(std::span(text));
    Piece piece;
    for (std::size_t i = 0; i < Digest::k_size_bytes; ++i) {
        piece.place.key.digest.bytes[i] = static_cast<std::uint8_t>(bytes[k_key_offset + i]);
    }
    piece.place.blob_bytes = read_u64(bytes, k_blob_bytes_offset);
    piece.place.index = read_u64(bytes, k_index_offset);
    piece.bytes = bytes.subspan(k_head_bytes);
    if (piece.place.index >= piece_count(piece.place.blob_bytes) ||
        piece.bytes.size() != piece_bytes(piece.place.blob_bytes, piece.place.index)) {
        return other_callbacks();
    }
    return piece;
}

}  // namespace larder::internal::format
