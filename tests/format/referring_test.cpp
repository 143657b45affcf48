// format/referring.h.
#include "format/referring.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "samples.h"
#include "support/temporary_directory.h"

namespace larder::internal::format {
namespace {

constexpr std::uint64_t k_all_ones = ~std::uint64_t{0};

Errc code_of(const Result<Referring>& read) { return read ? Errc::io : read.error().code; }

TEST(Referring, IsReadAsItWasWritten) {
    const auto referring = sample_referring();
    const auto bytes = encode_referring(referring);
    EXPECT_EQ(bytes.size(),
              referring_table_bytes(referring.referred.size(), referring.pieces.size()));
    const auto read = decode_referring(bytes, k_sample_referring_bytes);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(*read, referring);
    EXPECT_EQ(read->shared_bytes(), 0U);
    auto longer = bytes;
    longer.resize(longer.size() + 100, std::byte{0xff});
    EXPECT_EQ(*decode_referring(longer, k_sample_referring_bytes), referring)
        << "its own bytes follow";
}

TEST(Referring, ToAnotherObjectIsReadAsItWasWritten) {
    const auto referring = sample_referring_to_object();
    const auto read = decode_referring(encode_referring(referring), k_sample_referring_bytes);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(*read, referring);
    EXPECT_EQ(read->shared_bytes(), 1'000'000U);
}

TEST(Referring, OfNothingIsReadAsItWasWritten) {
    const auto bytes = encode_referring({});
    EXPECT_EQ(*decode_referring(bytes, bytes.size()), Referring{});
}

TEST(Referring, OfEveryReleaseStaysReadable) {
    const auto expect_same = [](const char* name, const Referring& referring) {
        const auto path = std::filesystem::path(LARDER_GOLDEN) / name;
        const auto text = text_of(encode_referring(referring));
        if (std::getenv("UPDATE_GOLDEN") != nullptr) support::write_file(path, text);
        EXPECT_TRUE(support::read_file(path) == text) << name;
    };
    expect_same("referring.bin", sample_referring());
    expect_same("referring_to_object.bin", sample_referring_to_object());
}

TEST(Referring, ThatIsTruncatedIsDamaged) {
    const auto bytes = encode_referring(sample_referring());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto beginning = std::span(bytes).first(size);
        EXPECT_EQ(code_of(decode_referring(beginning, k_sample_referring_bytes)), Errc::damaged);
        EXPECT_EQ(code_of(decode_referring(bytes, size)), Errc::damaged) << "a shorter object";
    }
    EXPECT_EQ(code_of(decode_referring(bytes, k_sample_referring_bytes - 1)), Errc::damaged)
        << "its own bytes are missing";
}

TEST(Referring, OfANewerVersionIsKnownAsSuch) {
    auto bytes = encode_referring(sample_referring());
    bytes[8] = std::byte{2};
    EXPECT_EQ(code_of(decode_referring(bytes, k_sample_referring_bytes)), Errc::unsupported);
    bytes[8] = std::byte{0};
    EXPECT_EQ(code_of(decode_referring(bytes, k_sample_referring_bytes)), Errc::damaged);
}

// Each of these tables has the right number of bytes.
TEST(Referring, ThatLiesIsDamaged) {
    struct Lie {
        const char* what;
        std::function<void(Referring&)> tell;
    };
    const auto last_bytes = [](Referring& table) -> auto& { return table.pieces.back(); };
    const std::vector<Lie> lies{
        {"a piece behind the end of its file",
         [](Referring& table) { table.pieces[1].offset = 900'001; }},
        {"an offset that overflows", [](Referring& table) { table.pieces[1].offset = k_all_ones; }},
        {"a piece of the whole address space",
         [](Referring& table) { table.pieces[1] = {1, 1, k_all_ones}; }},
        {"a piece in its own table", [](Referring& table) { table.pieces[0].offset = 0; }},
        {"own bytes behind the end", [&](Referring& table) { last_bytes(table).offset = 40'000; }},
        {"own bytes at no offset",
         [&](Referring& table) { last_bytes(table).offset = k_all_ones; }},
        {"a source that is not there", [](Referring& table) { table.pieces[0].source = 3; }},
        {"a source that is far from there",
         [](Referring& table) { table.pieces[0].source = 0xffff'ffffU; }},
        {"pieces that are not all of the blob", [](Referring& table) { table.pieces.pop_back(); }},
        {"more than the blob", [](Referring& table) { table.pieces.push_back({1, 0, 1}); }},
        {"a piece of no bytes", [](Referring& table) { table.pieces.push_back({1, 0, 0}); }},
        {"sizes whose sum comes round to the blob's",
         [](Referring& table) {
             table.referred[0].bytes = k_all_ones;
             table.pieces.push_back({1, 0, k_all_ones});
             table.pieces.push_back({1, 0, 1});
         }},
        {"a blob of too many bytes", [](Referring& table) { table.blob_bytes = k_all_ones; }},
        {"a file of too many bytes",
         [](Referring& table) { table.referred[1].bytes = k_all_ones; }},
        {"a beginning behind the first page",
         [](Referring& table) { table.start_in_page = k_referring_page_bytes; }},
        {"a beginning that aligns nothing", [](Referring& table) { table.start_in_page = 8; }},
        {"a thing of no known kind",
         [](Referring& table) { table.referred[0].kind = static_cast<ReferredKind>(3); }},
        {"too many files",
         [](Referring& table) { table.referred.resize(k_referred_max + 1, table.referred[0]); }},
        {"too many pieces",
         [](Referring& table) {
             table.blob_bytes += k_referring_pieces_max;
             table.pieces.resize(table.pieces.size() + k_referring_pieces_max, {1, 0, 1});
         }},
    };
    for (const auto& lie : lies) {
        auto table = sample_referring();
        lie.tell(table);
        const auto bytes = encode_referring(table);
        const auto object_bytes = std::max<std::uint64_t>(k_sample_referring_bytes, bytes.size());
        EXPECT_EQ(code_of(decode_referring(bytes, object_bytes)), Errc::damaged) << lie.what;
    }
}

// The counts are read before the size of the table is checked.
TEST(Referring, WhoseCountsOverflowIsDamaged) {
    for (const std::size_t at : {24U, 32U}) {
        for (const auto count : {k_all_ones, k_all_ones / 24 + 1, k_all_ones / 48 + 1}) {
            auto bytes = encode_referring(sample_referring());
            for (std::size_t i = 0; i < 8; ++i) {
                bytes[at + i] = static_cast<std::byte>(count >> 8 * i);
            }
            EXPECT_EQ(code_of(decode_referring(bytes, k_all_ones)), Errc::damaged) << count;
        }
    }
}

TEST(Referring, OfTheLimitsIsRead) {
    Referring referring;
    referring.referred.resize(k_referred_max, {ReferredKind::constant, {}, 1});
    referring.pieces.resize(k_referring_pieces_max, {k_referred_max, 0, 1});
    referring.blob_bytes = k_referring_pieces_max;
    const auto bytes = encode_referring(referring);
    EXPECT_EQ(bytes.size(), k_referring_table_bytes_max);
    EXPECT_EQ(*decode_referring(bytes, bytes.size()), referring);
}

TEST(Referring, ThatIsMutatedNeverPointsOutside) {
    const auto bytes = encode_referring(sample_referring_to_object());
    std::mt19937 random(1);
    for (int i = 0; i < 20'000; ++i) {
        auto mutated = bytes;
        for (auto changes = 1 + random() % 3; changes > 0; --changes) {
            mutated[random() % mutated.size()] = static_cast<std::byte>(random());
        }
        const auto read = decode_referring(mutated, k_sample_referring_bytes);
        if (!read) continue;
        EXPECT_EQ(encode_referring(*read), mutated) << "read otherwise than it is";
        std::uint64_t total = 0;
        for (const auto& piece : read->pieces) {
            ASSERT_LE(piece.source, read->referred.size());
            const auto end = piece.source == 0 ? k_sample_referring_bytes
                                               : read->referred[piece.source - 1].bytes;
            ASSERT_LE(piece.bytes, end);
            ASSERT_LE(piece.offset, end - piece.bytes);
            total += piece.bytes;
        }
        ASSERT_EQ(total, read->blob_bytes);
    }
}

}  // namespace
}  // namespace larder::internal::format
