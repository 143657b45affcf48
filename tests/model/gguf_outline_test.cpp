#include "model/gguf_outline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model_files/gguf_writer.h"

namespace larder::internal::model {
namespace {

namespace files = larder::internal::model_files;
using testing::HasSubstr;

Result<GgufOutline> gguf_outline(const std::string& bytes) {
    MemorySource source(std::as_bytes(std::span(bytes)));
    return read_gguf_outline(source);
}

Errc gguf_code(const std::string& bytes) {
    const auto found = gguf_outline(bytes);
    EXPECT_FALSE(found);
    return found ? Errc::io : found.error().code;
}

std::string message(const std::string& bytes) {
    const auto found = gguf_outline(bytes);
    EXPECT_FALSE(found);
    return found ? "" : found.error().message();
}

TEST(GgufOutline, OfAModelInOneFile) {
    const auto found = gguf_outline(files::small_gguf().bytes());
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_EQ(*found, (GgufOutline{0, 1}));
}

TEST(GgufOutline, OfAShard) {
    EXPECT_EQ(gguf_outline(files::gguf_shard(3, 7).bytes()), (GgufOutline{3, 7}));
    auto wide = files::small_gguf();
    wide.pairs.push_back(files::pair_u32("split.no", 1));
    wide.pairs.push_back(files::pair("split.count", 10, files::little_endian(std::uint64_t{2})));
    EXPECT_EQ(gguf_outline(wide.bytes()), (GgufOutline{1, 2}));
}

TEST(GgufOutline, OfAShardThatCannotBe) {
    EXPECT_EQ(gguf_code(files::gguf_shard(7, 7).bytes()), Errc::damaged);
    auto file = files::small_gguf();
    file.pairs.push_back(files::pair_u32("split.count", 1U << 20));
    EXPECT_EQ(gguf_code(file.bytes()), Errc::damaged);
    file = files::small_gguf();
    file.pairs.push_back(files::pair_text("split.count", "2"));
    EXPECT_EQ(gguf_code(file.bytes()), Errc::damaged);
}

TEST(GgufOutline, KnowsVersionsTwoAndThree) {
    for (const std::uint32_t version : {0U, 1U, 2U, 3U, 4U, 0x03000000U}) {
        auto file = files::small_gguf();
        file.version = version;
        if (version == 2 || version == 3) {
            EXPECT_TRUE(gguf_outline(file.bytes())) << version;
        } else {
            EXPECT_EQ(gguf_code(file.bytes()), Errc::unsupported) << version;
        }
    }
    EXPECT_EQ(gguf_code("GGML" + std::string(64, '\0')), Errc::damaged);
}

TEST(GgufOutline, AFileCutAnywhereIsTruncated) {
    const auto whole = files::small_gguf().bytes();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_EQ(gguf_code(whole.substr(0, size)), Errc::damaged) << size;
    }
    // Bytes behind the last tensor belong to no tensor.
    EXPECT_TRUE(gguf_outline(whole + "more"));
}

TEST(GgufOutline, SaysWhichTensorIsCut) {
    const auto whole = files::small_gguf().bytes();
    EXPECT_THAT(
        message(whole.substr(0, whole.size() - 10)),
        HasSubstr("truncated: tensor 'weight' ends at byte " + std::to_string(whole.size())));
}

TEST(GgufOutline, AlignsTheDataAsTheFileSays) {
    auto file = files::small_gguf();
    file.pairs.push_back(files::pair_u32("general.alignment", 4096));
    file.alignment = 4096;
    const auto whole = file.bytes();
    EXPECT_TRUE(gguf_outline(whole));
    EXPECT_EQ(gguf_code(whole.substr(0, whole.size() - 1)), Errc::damaged);
    for (const std::uint32_t alignment : {0U, 3U, 48U, ~0U}) {
        auto odd = files::small_gguf();
        odd.pairs.push_back(files::pair_u32("general.alignment", alignment));
        EXPECT_EQ(gguf_code(odd.bytes()), Errc::damaged) << alignment;
    }
}

TEST(GgufOutline, RefusesTensorsThatCannotBe) {
    const auto with = [](const files::GgufTensor& tensor) {
        auto file = files::small_gguf();
        file.tensors.push_back(tensor);
        return file.bytes();
    };
    constexpr std::uint64_t k_huge = std::uint64_t{1} << 63;
    EXPECT_THAT(message(with({"odd", {33}, 2, 0})), HasSubstr("'odd' does not consist of whole"));
    EXPECT_THAT(message(with({"huge", {k_huge, 4}, 0, 0})), HasSubstr("'huge' is too large"));
    EXPECT_THAT(message(with({"far", {8}, 0, ~std::uint64_t{0}})), HasSubstr("'far' is too"));
    EXPECT_THAT(message(with({"end", {8}, 0, ~std::uint64_t{0} - 64})), HasSubstr("truncated"));
    EXPECT_EQ(gguf_code(with({"many", {1, 1, 1, 1, 1, 1, 1, 1, 1}, 0, 0})), Errc::damaged);
    EXPECT_THAT(message(with({"\x1b[31m\xff", {33}, 2, 0})), HasSubstr("'?[31m?'"));
    EXPECT_TRUE(gguf_outline(with({"scalar", {}, 0, 0})));
    EXPECT_TRUE(gguf_outline(with({"empty", {0, k_huge, 4}, 0, 0})));
}

TEST(GgufOutline, OfATypeFromTheFutureKnowsOnlyTheOffset) {
    auto file = files::small_gguf();
    file.tensors.push_back({"future", {1 << 20}, 1000, 32});
    EXPECT_TRUE(gguf_outline(file.bytes()));
    file.tensors.back().offset = 1 << 20;
    EXPECT_EQ(gguf_code(file.bytes()), Errc::damaged);
}

TEST(GgufOutline, RefusesCountsThatCannotBe) {
    auto bytes = files::small_gguf().bytes();
    bytes.replace(8, 8, std::string(8, '\xff'));
    EXPECT_EQ(gguf_code(bytes), Errc::damaged);
    bytes = files::small_gguf().bytes();
    bytes.replace(16, 8, std::string(8, '\xff'));
    EXPECT_EQ(gguf_code(bytes), Errc::damaged);
}

TEST(GgufOutline, RefusesMetadataThatCannotBe) {
    const auto with = [](std::uint32_t type, const std::string& value) {
        auto file = files::small_gguf();
        file.pairs.push_back(files::pair("key", type, value));
        return file.bytes();
    };
    const auto array = [](std::uint32_t type, std::uint64_t count, const std::string& values) {
        return files::little_endian(type) + files::little_endian(count) + values;
    };
    constexpr std::uint32_t k_array = 9;
    EXPECT_EQ(gguf_code(with(13, "")), Errc::damaged);
    EXPECT_EQ(gguf_code(with(8, std::string(8, '\xff'))), Errc::damaged);
    EXPECT_EQ(gguf_code(with(k_array, array(10, ~std::uint64_t{0}, ""))), Errc::damaged);
    EXPECT_EQ(gguf_code(with(k_array, array(8, ~std::uint64_t{0}, ""))), Errc::damaged);
    EXPECT_EQ(gguf_code(with(k_array, array(99, 1, ""))), Errc::damaged);
    EXPECT_TRUE(gguf_outline(with(k_array, array(99, 0, ""))));
    std::string nested = array(0, 1, "x");
    nested = array(k_array, 1, nested);
    EXPECT_TRUE(gguf_outline(with(k_array, nested)));
    for (int i = 0; i < 1000; ++i) nested = array(k_array, 1, nested);
    EXPECT_EQ(gguf_code(with(k_array, nested)), Errc::damaged);
}

}  // namespace
}  // namespace larder::internal::model
