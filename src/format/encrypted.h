// An object that holds a blob encrypted by the program's own callbacks, piece by piece. The grammar
// is in docs/format.md.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "format/key.h"

namespace larder::internal::format {

// The bytes of the blob in each piece but the last, which holds the remainder. There is at least
// one piece.
inline constexpr std::uint64_t k_piece_bytes = std::uint64_t{16} << 20;
// The size of a piece's length, which is in the object before the encrypted piece.
inline constexpr std::uint64_t k_piece_length_bytes = 8;

[[nodiscard]] constexpr std::uint64_t piece_count(std::uint64_t blob_bytes) {
    return std::max<std::uint64_t>(1, (blob_bytes + k_piece_bytes - 1) / k_piece_bytes);
}
[[nodiscard]] constexpr std::uint64_t piece_bytes(std::uint64_t blob_bytes, std::uint64_t index) {
    return std::min(k_piece_bytes, blob_bytes - index * k_piece_bytes);
}

// A position in a blob, so that no piece can be taken for another.
struct PiecePlace {
    Key key;
    std::uint64_t blob_bytes = 0;
    std::uint64_t index = 0;

    bool operator==(const PiecePlace&) const = default;
};

// Returns the text that the callback encrypts.
[[nodiscard]] std::string encode_piece(const PiecePlace& place, std::span<const std::byte> bytes);

struct Piece {
    PiecePlace place;
    std::span<const std::byte> bytes;  // a part of `text`
};
// Reads the text that the callback decrypted. Errc::incompatible if it is not a piece: other
// callbacks encrypted it.
[[nodiscard]] Result<Piece> decode_piece(std::string_view text);

}  // namespace larder::internal::format
