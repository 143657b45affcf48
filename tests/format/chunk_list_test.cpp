// format/chunk_list.h.
#include "format/chunk_list.h"

#include <gtest/gtest.h>

namespace larder::internal::format {
namespace {

ChunkList list_of(std::uint64_t total_bytes) {
    ChunkList list{total_bytes, std::vector<Digest>(chunk_count(total_bytes))};
    for (std::size_t i = 0; i < list.chunks.size(); ++i) {
        list.chunks[i].bytes[0] = static_cast<std::uint8_t>(i);
    }
    return list;
}

TEST(ChunkList, IsReadAsItWasWritten) {
    for (const std::uint64_t total :
         {std::uint64_t{0}, std::uint64_t{1}, k_chunk_size_bytes, k_chunk_size_bytes + 1,
          5 * k_chunk_size_bytes - 1, std::uint64_t{5} << 30}) {
        const auto list = list_of(total);
        const auto bytes = encode_chunk_list(list);
        EXPECT_EQ(bytes.size(), chunk_list_bytes(total));
        const auto read = decode_chunk_list(bytes, combine_chunks(total, list.chunks));
        ASSERT_TRUE(read) << read.error().message();
        EXPECT_EQ(*read, list);
    }
}

TEST(ChunkList, HasItsFixedHeader) {
    const auto bytes = encode_chunk_list(list_of(k_chunk_size_bytes + 1));
    const std::string header(reinterpret_cast<const char*>(bytes.data()), 40);
    const std::string expected(
        "LARDCHNK"
        "\x01\0\0\0\0\0\0\0"
        "\0\0\x40\0\0\0\0\0"
        "\x01\0\x40\0\0\0\0\0"
        "\x02\0\0\0\0\0\0\0",
        40);
    EXPECT_EQ(header, expected);
}

TEST(ChunkList, OfAnotherObjectOrTruncatedIsDamaged) {
    const auto list = list_of(3 * k_chunk_size_bytes);
    const auto object = combine_chunks(list.total_bytes, list.chunks);
    const auto bytes = encode_chunk_list(list);
    EXPECT_EQ(decode_chunk_list(bytes, Digest{}).error().code, Errc::damaged);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto read = decode_chunk_list(std::span(bytes).first(size), object);
        ASSERT_FALSE(read) << size;
        EXPECT_EQ(read.error().code, Errc::damaged);
    }
}

TEST(ChunkList, OfANewerVersionIsKnownAsSuch) {
    auto bytes = encode_chunk_list(list_of(3 * k_chunk_size_bytes));
    bytes[8] = std::byte{2};
    EXPECT_EQ(decode_chunk_list(bytes, Digest{}).error().code, Errc::unsupported);
}

TEST(ChunkList, WithAnAbsurdCountAllocatesNothing) {
    auto bytes = encode_chunk_list(list_of(3 * k_chunk_size_bytes));
    for (std::size_t i = 24; i < 40; ++i) bytes[i] = std::byte{0xff};
    EXPECT_EQ(decode_chunk_list(bytes, Digest{}).error().code, Errc::damaged);
}

}  // namespace
}  // namespace larder::internal::format
