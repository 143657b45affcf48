// format/compressed.h.
#include "format/compressed.h"

#include <filesystem>
#include <random>

#include <gtest/gtest.h>

#include "samples.h"
#include "support/temporary_directory.h"

namespace larder::internal::format {
namespace {

Errc code_of(const Result<Compressed>& read) { return read ? Errc::io : read.error().code; }

// The properties on which the decompression of frames relies.
void expect_inside(const Compressed& compressed, std::uint64_t object_bytes) {
    ASSERT_EQ(compressed.frames.size(), frame_count(compressed.blob_bytes));
    auto end = compressed_table_bytes(compressed.frames.size());
    for (std::size_t i = 0; i < compressed.frames.size(); ++i) {
        const auto& frame = compressed.frames[i];
        ASSERT_EQ(frame.offset, end);
        ASSERT_LE(frame.bytes, object_bytes - end);
        ASSERT_LE(frame.bytes, frame_bytes(compressed.blob_bytes, i));
        end += frame.bytes;
    }
    ASSERT_EQ(end, object_bytes);
}

TEST(Compressed, IsReadAsItWasWritten) {
    const auto compressed = sample_compressed();
    const auto bytes = encode_compressed(compressed);
    EXPECT_EQ(bytes.size(), compressed_table_bytes(compressed.frames.size()));
    const auto read = decode_compressed(bytes, object_bytes_of(compressed));
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(*read, compressed);
    auto longer = bytes;
    longer.resize(longer.size() + 100);
    EXPECT_EQ(*decode_compressed(longer, object_bytes_of(compressed)), compressed)
        << "the frames follow";
}

TEST(Compressed, MayBeEmpty) {
    const Compressed compressed;
    const auto bytes = encode_compressed(compressed);
    EXPECT_EQ(*decode_compressed(bytes, bytes.size()), compressed);
    EXPECT_EQ(code_of(decode_compressed(bytes, bytes.size() + 1)), Errc::damaged);
}

TEST(Compressed, OfEveryReleaseStaysReadable) {
    const auto path = std::filesystem::path(LARDER_GOLDEN) / "compressed.bin";
    const auto text = text_of(encode_compressed(sample_compressed()));
    if (std::getenv("UPDATE_GOLDEN") != nullptr) support::write_file(path, text);
    EXPECT_TRUE(support::read_file(path) == text);
}

TEST(Compressed, ThatIsTruncatedIsDamaged) {
    const auto compressed = sample_compressed();
    const auto object_bytes = object_bytes_of(compressed);
    const auto bytes = encode_compressed(compressed);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_EQ(code_of(decode_compressed(std::span(bytes).first(size), object_bytes)),
                  Errc::damaged);
        EXPECT_EQ(code_of(decode_compressed(bytes, size)), Errc::damaged);
    }
    EXPECT_EQ(code_of(decode_compressed(bytes, object_bytes - 1)), Errc::damaged);
    EXPECT_EQ(code_of(decode_compressed(bytes, object_bytes + 1)), Errc::damaged);
}

TEST(Compressed, OfANewerVersionIsKnownAsSuch) {
    auto bytes = encode_compressed(sample_compressed());
    bytes[8] = std::byte{2};
    EXPECT_EQ(code_of(decode_compressed(bytes, object_bytes_of(sample_compressed()))),
              Errc::unsupported);
}

// The table itself cannot verify only the digest of the blob and the choice among the three methods
// of a frame: the object's own digest covers these.
TEST(Compressed, DamagedInAnyByteIsRefusedOrPointsNowhereElse) {
    const auto compressed = sample_compressed();
    const auto object_bytes = object_bytes_of(compressed);
    const auto bytes = encode_compressed(compressed);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            auto changed = bytes;
            changed[at] ^= static_cast<std::byte>(1 << bit);
            const auto read = decode_compressed(changed, object_bytes);
            const bool is_digest = at >= 24 && at < 56;
            const bool is_method = at >= 72 && (at - 72) % 24 == 0 &&
                                   compressed.frames[(at - 72) / 24].method != FrameMethod::stored;
            if (!is_digest && !is_method) {
                ASSERT_FALSE(read) << "byte " << at << ", bit " << bit;
            }
            if (!read) continue;
            expect_inside(*read, object_bytes);
            for (std::size_t i = 0; i < read->frames.size(); ++i) {
                ASSERT_EQ(read->frames[i].bytes, compressed.frames[i].bytes);
                ASSERT_EQ(read->frames[i].method == FrameMethod::stored,
                          compressed.frames[i].method == FrameMethod::stored);
            }
        }
    }
}

TEST(Compressed, WhoseFramesAreNowhereIsDamaged) {
    const auto decoded = [](const Compressed& compressed) {
        return code_of(
            decode_compressed(encode_compressed(compressed), object_bytes_of(sample_compressed())));
    };
    auto compressed = sample_compressed();
    ++compressed.frames[1].offset;
    EXPECT_EQ(decoded(compressed), Errc::damaged) << "not where the one before ends";
    compressed = sample_compressed();
    compressed.frames[0].offset = ~std::uint64_t{0};
    EXPECT_EQ(decoded(compressed), Errc::damaged);
    compressed = sample_compressed();
    compressed.frames[0].bytes = ~std::uint64_t{0};
    EXPECT_EQ(decoded(compressed), Errc::damaged);
    compressed = sample_compressed();
    compressed.frames[3].bytes = 0;
    EXPECT_EQ(decoded(compressed), Errc::damaged) << "of no bytes";
    compressed = sample_compressed();
    compressed.frames[1].method = FrameMethod::zstd;
    EXPECT_EQ(decoded(compressed), Errc::damaged) << "no smaller than it was";
    compressed = sample_compressed();
    compressed.frames[0].method = FrameMethod::stored;
    EXPECT_EQ(decoded(compressed), Errc::damaged) << "smaller than it is";
    compressed = sample_compressed();
    compressed.blob_bytes = ~std::uint64_t{0};
    EXPECT_EQ(decoded(compressed), Errc::damaged);
    compressed = sample_compressed();
    compressed.blob_bytes += k_frame_bytes;
    EXPECT_EQ(decoded(compressed), Errc::damaged) << "more than its frames";
    compressed = sample_compressed();
    compressed.frames.pop_back();
    EXPECT_EQ(decoded(compressed), Errc::damaged) << "not all of the blob";
}

TEST(Compressed, ThatIsMutatedNeverPointsOutside) {
    const auto compressed = sample_compressed();
    const auto object_bytes = object_bytes_of(compressed);
    const auto bytes = encode_compressed(compressed);
    std::mt19937 random(1);
    for (int i = 0; i < 20'000; ++i) {
        auto mutated = bytes;
        for (auto changes = 1 + random() % 3; changes > 0; --changes) {
            mutated[random() % mutated.size()] = static_cast<std::byte>(random());
        }
        const auto read = decode_compressed(mutated, object_bytes);
        if (!read) continue;
        EXPECT_EQ(encode_compressed(*read), mutated) << "read otherwise than it is";
        expect_inside(*read, object_bytes);
    }
}

}  // namespace
}  // namespace larder::internal::format
