// base/hex.h: bytes are read as they were written, and no other text is.
#include "base/hex.h"

#include <array>

#include <gtest/gtest.h>

namespace larder::internal {
namespace {

TEST(Hex, IsReadAsItWasWritten) {
    std::array<std::uint8_t, 256> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i);
    const auto text = to_hex(all);
    EXPECT_EQ(text.substr(0, 6), "000102");
    EXPECT_EQ(text.substr(text.size() - 4), "feff");
    EXPECT_TRUE(is_hex(text));
    std::array<std::uint8_t, 256> read{};
    EXPECT_TRUE(read_hex(text, read));
    EXPECT_EQ(read, all);
}

TEST(Hex, OtherTextIsRefused) {
    std::array<std::uint8_t, 2> read{};
    EXPECT_TRUE(read_hex("0aff", read));
    for (const auto* text :
         {"", "0af", "0aff0", "0aff00", "0AFF", "0xff", "0a g", "0afg", "-aff"}) {
        EXPECT_FALSE(read_hex(text, read)) << text;
    }
    EXPECT_FALSE(is_hex("0A"));
    EXPECT_FALSE(is_hex("0 a"));
    EXPECT_TRUE(is_hex(""));
}

}  // namespace
}  // namespace larder::internal
