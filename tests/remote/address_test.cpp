#include "remote/address.h"

#include <gtest/gtest.h>

namespace larder::internal::remote {
namespace {

using Kind = Address::Kind;

TEST(Address, DirectoryWithItsSettings) {
    EXPECT_EQ(parse_address("file:///mnt/models").value(),
              (Address{Kind::directory, "/mnt/models", {}, false, false}));
    EXPECT_EQ(parse_address("file:///mnt/models/?read-only").value(),
              (Address{Kind::directory, "/mnt/models", {}, true, false}));
    EXPECT_EQ(parse_address("file:///a/../b?unsigned&read-only").value().path,
              os::absolute_path("/a/../b"));
    const auto both = parse_address("file:///a?unsigned&read-only").value();
    EXPECT_TRUE(both.is_unsigned && both.is_read_only);
}

TEST(Address, BucketWithAPrefix) {
    EXPECT_EQ(parse_address("s3://bucket").value(),
              (Address{Kind::s3, "", "bucket", false, false}));
    EXPECT_EQ(parse_address("s3://bucket/").value(),
              (Address{Kind::s3, "", "bucket", false, false}));
    EXPECT_EQ(parse_address("s3://my.bucket/a%20b/c/?unsigned").value(),
              (Address{Kind::s3, "a b/c", "my.bucket", false, true}));
}

TEST(Address, ServerKeepsItsPathAsItIsWritten) {
    EXPECT_EQ(parse_address("https://host:8443/a%20b/?read-only").value(),
              (Address{Kind::http, "https://host:8443/a%20b", {}, true, false}));
    EXPECT_EQ(parse_address("http://[::1]:80").value().path, "http://[::1]:80");
}

TEST(Address, BytesMayBePercentEncoded) {
    EXPECT_EQ(parse_address("file:///a%20b/%C3%A9%3F").value().path, "/a b/é?");
}

TEST(Address, EverythingElseIsRefusedWithWhatIsKnown) {
    for (const char* const url : {"",
                                  "/mnt",
                                  "file:",
                                  "file:/mnt",
                                  "file://",
                                  "file://mnt",
                                  "FILE:///mnt",
                                  "ftp://host/x",
                                  "file:///a%",
                                  "file:///a%2",
                                  "file:///a%zz",
                                  "file:///a%00b",
                                  "file:///a?",
                                  "file:///a?fast",
                                  "file:///a?read-only&",
                                  "file:///a?&unsigned",
                                  "s3://",
                                  "s3:///a",
                                  "s3://a b/c",
                                  "s3://../x",
                                  "s3://bucket/a%0",
                                  "https://",
                                  "https:///x",
                                  "https://:80/x",
                                  "https://host/a b",
                                  "https://host/a#b",
                                  "https://host/x?y=z"}) {
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

TEST(Address, PasswordsAreRefusedAndNotRepeated) {
    const auto address = parse_address("https://me:hunter2@host/models");
    ASSERT_FALSE(address);
    EXPECT_EQ(address.error().message().find("hunter2"), std::string::npos);
    EXPECT_NE(address.error().message().find(".netrc"), std::string::npos);
    EXPECT_TRUE(parse_address("https://host/a@b"));
}

}  // namespace
}  // namespace larder::internal::remote
