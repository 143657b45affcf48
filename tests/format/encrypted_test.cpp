// Goal: the input of a callback states its place in a blob, and no other piece is accepted there.
#include "format/encrypted.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace larder::internal::format {
namespace {

const PiecePlace k_place{Key{hash_bytes(std::as_bytes(std::span("a key", 5)))}, 5, 0};
const std::vector<std::byte> k_bytes(5, std::byte{7});

TEST(EncryptedPiece, DecodesWhatWasEncoded) {
    const auto text = encode_piece(k_place, k_bytes);
    const auto piece = decode_piece(text);
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->place, k_place);
    EXPECT_TRUE(std::ranges::equal(piece->bytes, k_bytes));
}

TEST(EncryptedPiece, EmptyBlobHasOnePiece) {
    EXPECT_EQ(piece_count(0), 1U);
    EXPECT_TRUE(decode_piece(encode_piece({k_place.key, 0, 0}, {})));
}

TEST(EncryptedPiece, CountsPieces) {
    EXPECT_EQ(piece_count(k_piece_bytes), 1U);
    EXPECT_EQ(piece_count(k_piece_bytes + 1), 2U);
    EXPECT_EQ(piece_bytes(k_piece_bytes + 1, 1), 1U);
}

TEST(EncryptedPiece, RejectsOtherText) {
    const auto text = encode_piece(k_place, k_bytes);
    for (std::size_t size = 0; size < text.size(); ++size) {
        const auto piece = decode_piece(std::string_view(text).substr(0, size));
        ASSERT_FALSE(piece) << size;
        EXPECT_EQ(piece.error().code, Errc::incompatible);
    }
    EXPECT_FALSE(decode_piece(text + 'x'));
    auto other = text;
    other[3] ^= 1;
    EXPECT_FALSE(decode_piece(other));
}

TEST(EncryptedPiece, RejectsPlacesThatDoNotExist) {
    EXPECT_FALSE(decode_piece(encode_piece({k_place.key, 5, 1}, k_bytes)));
    EXPECT_FALSE(decode_piece(encode_piece({k_place.key, 6, 0}, k_bytes)));
    EXPECT_FALSE(decode_piece(encode_piece({k_place.key, ~std::uint64_t{0}, 0}, k_bytes)));
}

}  // namespace
}  // namespace larder::internal::format
