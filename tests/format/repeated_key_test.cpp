// format/repeated_key.h.
#include "format/repeated_key.h"

#include <gtest/gtest.h>

namespace larder::internal::format {
namespace {

const std::string k_key = "\x30\x60\x70\x02\x04\x08\x3f\x6f\x72\x74\x78\x7f";
const std::string k_head = std::string(k_topology_begin) + "<net name=\"m\" version=\"11\">\n";
const std::string k_original = k_head + "\t<layers />\n" + std::string(k_topology_end);

std::string encoded(std::string text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<char>(text[i] ^ k_key[i % k_key.size()]);
    }
    return text;
}

TEST(RepeatedKey, DecodesWhatItEncodes) {
    const auto key = RepeatedKey::of(encoded(k_original));
    ASSERT_TRUE(key);
    EXPECT_EQ(key->apply(encoded(k_original)), k_original);
    EXPECT_EQ(key->apply(k_original), encoded(k_original));
}

TEST(RepeatedKey, AcceptsPlainText) {
    const auto key = RepeatedKey::of(k_original);
    ASSERT_TRUE(key);
    EXPECT_EQ(key->apply(k_original), k_original);
}

TEST(RepeatedKey, RejectsOtherEncodings) {
    std::string counted = k_original;
    char count = 0;
    for (auto& character : counted) character = static_cast<char>(character ^ count++);
    EXPECT_FALSE(RepeatedKey::of(counted));
    EXPECT_FALSE(RepeatedKey::of(""));
    EXPECT_FALSE(RepeatedKey::of(encoded(k_original).substr(0, 30)));
    EXPECT_FALSE(RepeatedKey::of(encoded(k_head + "no end of it")));
}

}  // namespace
}  // namespace larder::internal::format
