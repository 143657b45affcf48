// format/variant.h.
#include "format/variant.h"

#include <filesystem>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "samples.h"
#include "support/temporary_directory.h"

namespace larder::internal::format {
namespace {

Errc code_of(const Result<Variant>& read) { return read ? Errc::io : read.error().code; }

TEST(Variant, IsReadAsItWasWritten) {
    const auto variant = sample_variant();
    const auto bytes = encode_variant(variant);
    EXPECT_EQ(bytes.size(), variant_table_bytes(variant.segments.size()));
    const auto read = decode_variant(bytes, k_sample_variant_bytes);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(*read, variant);
    auto longer = bytes;
    longer.resize(longer.size() + 100);
    EXPECT_EQ(*decode_variant(longer, k_sample_variant_bytes), variant) << "its own bytes follow";
}

TEST(Variant, OfEveryReleaseStaysReadable) {
    const auto path = std::filesystem::path(LARDER_GOLDEN) / "variant.bin";
    const auto text = text_of(encode_variant(sample_variant()));
    if (std::getenv("UPDATE_GOLDEN") != nullptr) support::write_file(path, text);
    EXPECT_TRUE(support::read_file(path) == text);
}

TEST(Variant, ThatIsTruncatedIsDamaged) {
    const auto bytes = encode_variant(sample_variant());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto beginning = std::span(bytes).first(size);
        EXPECT_EQ(code_of(decode_variant(beginning, k_sample_variant_bytes)), Errc::damaged);
    }
    EXPECT_EQ(code_of(decode_variant(bytes, k_sample_variant_bytes - 1)), Errc::damaged)
        << "its own bytes are missing";
}

TEST(Variant, OfANewerVersionIsKnownAsSuch) {
    auto bytes = encode_variant(sample_variant());
    bytes[8] = std::byte{2};
    EXPECT_EQ(code_of(decode_variant(bytes, k_sample_variant_bytes)), Errc::unsupported);
}

TEST(Variant, WhoseSegmentsAreNowhereIsDamaged) {
    const auto decoded = [](const Variant& variant) {
        return code_of(decode_variant(encode_variant(variant), k_sample_variant_bytes));
    };
    auto variant = sample_variant();
    ASSERT_EQ(variant.segments[0].source, SegmentSource::base);
    variant.segments[0].offset = variant.base_bytes - variant.segments[0].bytes + 1;
    EXPECT_EQ(decoded(variant), Errc::damaged) << "behind the end of the base";
    variant = sample_variant();
    variant.segments[0].offset = ~std::uint64_t{0};
    EXPECT_EQ(decoded(variant), Errc::damaged);
    variant = sample_variant();
    variant.segments[1].offset = 0;
    EXPECT_EQ(decoded(variant), Errc::damaged) << "in its own table";
    variant = sample_variant();
    variant.segments.pop_back();
    EXPECT_EQ(decoded(variant), Errc::damaged) << "not all of the blob";
    variant = sample_variant();
    variant.segments.push_back({SegmentSource::base, 0, 0});
    EXPECT_EQ(decoded(variant), Errc::damaged) << "of no bytes";
    variant = sample_variant();
    variant.segments.push_back({SegmentSource::base, 0, 1});
    EXPECT_EQ(decoded(variant), Errc::damaged) << "more than the blob";
    variant = sample_variant();
    variant.start_in_page = 65;
    EXPECT_EQ(decoded(variant), Errc::damaged);
    variant.start_in_page = k_variant_page_bytes;
    EXPECT_EQ(decoded(variant), Errc::damaged);
    variant = sample_variant();
    variant.blob_bytes = ~std::uint64_t{0};
    EXPECT_EQ(decoded(variant), Errc::damaged);
}

TEST(Variant, ThatIsMutatedNeverPointsOutside) {
    const auto bytes = encode_variant(sample_variant());
    std::mt19937 random(1);
    for (int i = 0; i < 20'000; ++i) {
        auto mutated = bytes;
        for (auto changes = 1 + random() % 3; changes > 0; --changes) {
            mutated[random() % mutated.size()] = static_cast<std::byte>(random());
        }
        const auto read = decode_variant(mutated, k_sample_variant_bytes);
        if (!read) continue;
        EXPECT_EQ(encode_variant(*read), mutated) << "read otherwise than it is";
        std::uint64_t total = 0;
        for (const auto& segment : read->segments) {
            const bool is_base = segment.source == SegmentSource::base;
            const auto end = is_base ? read->base_bytes : k_sample_variant_bytes;
            ASSERT_LE(segment.bytes, end);
            ASSERT_LE(segment.offset, end - segment.bytes);
            total += segment.bytes;
        }
        ASSERT_EQ(total, read->blob_bytes);
    }
}

}  // namespace
}  // namespace larder::internal::format
