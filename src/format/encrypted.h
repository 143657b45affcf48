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

// Of the blob, in each piece but the last, which holds what remains. A blob has at least one.
inline constexpr std::uint64_t k_piece_bytes = std::uint64_t{16} << 20;
// In the object, before what the callback made of a piece: its length.
inline constexpr std::uint64_t k_piece_length_bytes = 8;

[[nodiscard]] constexpr std::uint64_t piece_count(std::uint64_t blob_bytes) {
    return std::max<std::uint64_t>(1, (blob_bytes + k_piece_bytes - 1) / k_piece_bytes);
}
[[nodiscard]] constexpr std::uint64_t piece_bytes(std::uint64_t blob_bytes, std::uint64_t index) {
    return std::min(k_piece_bytes, blob_bytes - index * k_piece_bytes);
}

// A place in a blob, so that no piece can stand for another.
struct PiecePlace {
    Key key;
    std::uint64_t blob_bytes = 0;
    std::uint64_t index = 0;

    bool operator==(const PiecePlace&) const = default;
};

// What the callback is given.
[[nodiscard]] std::string encode_piece(const PiecePlace& place, std::span<const std::byte> bytes);

struct Piece {
    PiecePlace place;
    std::span<const std::byte> bytes;  // of `text`
};
// What it gave back. Errc::incompatible if it is none: other callbacks made it.
[[nodiscard]] Result<Piece> decode_piece(std::string_view text);

}  // namespace larder::internal::format
