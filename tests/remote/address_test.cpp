#include "remote/address.h"

#include <gtest/gtest.h>

namespace larder::internal::remote {
namespace {

TEST(Address, DirectoryWithItsSettings) {
    EXPECT_EQ(parse_address("file:///mnt/models").value(), (Address{"/mnt/models", false, false}));
    EXPECT_EQ(parse_address("file:///mnt/models/?read-only").value(),
              (Address{"/mnt/models", true, false}));
    EXPECT_EQ(parse_address("file:///a/../b?unsigned&read-only").value().path,
              os::absolute_path("/a/../b"));
    const auto both = parse_address("file:///a?unsigned&read-only").value();
    EXPECT_TRUE(both.is_unsigned && both.is_read_only);
}

TEST(Address, BytesMayBePercentEncoded) {
    EXPECT_EQ(parse_address("file:///a%20b/%C3%A9%3F").value().path, "/a b/é?");
}

TEST(Address, EverythingElseIsRefusedWithWhatIsKnown) {
    for (const char* const url :
         {"", "/mnt", "file:", "file:/mnt", "file://", "file://mnt", "FILE:///mnt", "s3://bucket",
          "https://host/x", "file:///a%", "file:///a%2", "file:///a%zz", "file:///a%00b",
          "file:///a?", "file:///a?fast", "file:///a?read-only&", "file:///a?&unsigned"}) {
        const auto address = parse_address(url);
        if (std::string_view(url) == "file:///a?" ||
            std::string_view(url) == "file:///a?read-only&") {
            EXPECT_TRUE(address) << url << ": nothing is said after it";
            continue;
        }
        ASSERT_FALSE(address) << url;
        EXPECT_EQ(address.error().code, Errc::invalid_argument) << url;
        EXPECT_NE(address.error().remedy.find("file:///"), std::string::npos) << url;
    }
}

}  // namespace
}  // namespace larder::internal::remote
