// format/larder_info.h and the sealed JSON below it.
#include "format/larder_info.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "format/sealed_json.h"
#include "support/temporary_directory.h"

namespace larder::internal::format {
namespace {

const LarderInfo k_info{"0123456789abcdef0123456789abcdef"};

TEST(LarderInfo, IsReadAsItWasWritten) {
    const auto text = encode_larder_info(k_info);
    ASSERT_TRUE(text);
    EXPECT_EQ(decode_larder_info(*text), k_info);
}

TEST(LarderInfo, GoldenFileIsStillRead) {
    const auto path = std::filesystem::path(LARDER_GOLDEN) / "larder.json";
    if (std::getenv("UPDATE_GOLDEN") != nullptr) {
        support::write_file(path, *encode_larder_info(k_info));
    }
    EXPECT_EQ(support::read_file(path), *encode_larder_info(k_info));
}

TEST(LarderInfo, OfANewerFormatIsKnownAsSuch) {
    const auto text = seal_json({{"format", 2}, {"id", "of another form"}});
    EXPECT_EQ(decode_larder_info(text).error().code, Errc::unsupported);
}

TEST(LarderInfo, WithoutAnIdIsDamaged) {
    EXPECT_EQ(encode_larder_info({"short"}).error().code, Errc::invalid_argument);
    EXPECT_EQ(decode_larder_info(seal_json({{"format", 1}})).error().code, Errc::damaged);
    EXPECT_EQ(decode_larder_info(seal_json({{"format", 1}, {"id", 7}})).error().code,
              Errc::damaged);
    EXPECT_EQ(decode_larder_info(seal_json({{"format", 0}, {"id", k_info.id}})).error().code,
              Errc::damaged);
}

TEST(LarderInfo, TheTagIsWhatBackupProgramsLookFor) {
    EXPECT_TRUE(cache_directory_tag().starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"));
}

TEST(SealedJson, HasNoSecondSpelling) {
    const auto text = seal_json({{"a", 1}, {"b", "x"}});
    ASSERT_TRUE(unseal_json(text, 1000));
    const auto refused = [](const std::string& other) { return !unseal_json(other, 1000); };
    EXPECT_TRUE(refused(text + "\n"));
    EXPECT_TRUE(refused(" " + text));
    EXPECT_TRUE(refused("\xef\xbb\xbf" + text));
    EXPECT_TRUE(refused(text.substr(0, text.size() - 1)));
    EXPECT_TRUE(refused(Json::parse(text).dump()));
    EXPECT_FALSE(unseal_json(text, text.size() - 1));
    auto doubled = text;
    doubled.insert(2, "  \"a\": 1,\n");
    EXPECT_TRUE(refused(doubled));
}

TEST(SealedJson, HoldsNoFractionsAndNoNothing) {
    for (const Json& value : {Json(nullptr), Json(true), Json(0.5), Json(1e300)}) {
        EXPECT_FALSE(unseal_json(seal_json({{"a", value}}), 1000)) << value;
        EXPECT_FALSE(unseal_json(seal_json({{"a", Json::array({value})}}), 1000)) << value;
    }
}

TEST(Utf8, IsToldFromOtherBytes) {
    for (const std::string_view good : {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\xa7\xba",
                                        "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"}) {
        EXPECT_TRUE(is_utf8(good)) << good;
        EXPECT_TRUE(encode_bytes(good).is_string());
    }
    for (const std::string_view bad :
         {"\x80", "\xc0\xaf", "\xc1\xbf", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80",
          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "a\xff", "\xe2\x82"}) {
        EXPECT_FALSE(is_utf8(bad));
        std::string bytes;
        EXPECT_TRUE(decode_bytes(encode_bytes(bad), bytes));
        EXPECT_EQ(bytes, bad);
    }
    std::string ignored;
    EXPECT_FALSE(decode_bytes(Json{{"hex", "61"}}, ignored)) << "a second spelling of \"a\"";
    EXPECT_FALSE(decode_bytes(Json{{"hex", "f"}}, ignored));
    EXPECT_FALSE(decode_bytes(Json{{"hex", "FF"}}, ignored));
}

}  // namespace
}  // namespace larder::internal::format
