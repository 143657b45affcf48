#include "remote/signature.h"

#include <string>

#include <gtest/gtest.h>

#include "os/system.h"
#include "support/temporary_directory.h"

namespace larder::internal::remote {
namespace {

class SignatureTest : public ::testing::Test {
protected:
    os::FileSystem& fs() { return system_.system().fs; }
    std::string path(const char* name) const { return (directory_ / name); }

    os::RealSystem system_;
    support::TemporaryDirectory directory_;
};

TEST_F(SignatureTest, HoldsForItsTextAndKeyAlone) {
    const auto key = SigningKey::generate().value();
    const auto other = SigningKey::generate().value();
    auto signature = key.sign("a text");
    EXPECT_TRUE(is_signed_by(key.public_key(), "a text", signature));
    EXPECT_FALSE(is_signed_by(key.public_key(), "a texT", signature));
    EXPECT_FALSE(is_signed_by(key.public_key(), "", signature));
    EXPECT_FALSE(is_signed_by(other.public_key(), "a text", signature));
    for (auto& byte : signature) {
        byte ^= 1;
        EXPECT_FALSE(is_signed_by(key.public_key(), "a text", signature));
        byte ^= 1;
    }
    EXPECT_FALSE(is_signed_by(PublicKey{}, "a text", Signature{}));
}

TEST_F(SignatureTest, KeysAreTheSameOnceTheyAreRead) {
    const auto key = SigningKey::generate().value();
    ASSERT_TRUE(key.write(fs(), path("key")));
    ASSERT_TRUE(write_public_key(fs(), path("key.pub"), key.public_key()));
    const auto again = SigningKey::read(fs(), path("key")).value();
    EXPECT_EQ(again.public_key(), key.public_key());
    EXPECT_EQ(read_public_key(fs(), path("key.pub")).value(), key.public_key());
    EXPECT_EQ(again.sign("x"), key.sign("x"));
    EXPECT_EQ(fs().info(path("key"))->mode, 0600U);
    EXPECT_EQ(key.write(fs(), path("key")).error().code, Errc::already_exists);
}

TEST_F(SignatureTest, OtherFilesAreNoKeys) {
    const auto key = SigningKey::generate().value();
    ASSERT_TRUE(key.write(fs(), path("key")));
    const auto right = os::read_text(fs(), path("key"), 4096).value();
    auto short_one = right;
    short_one.erase(right.find("MC4"), 4);
    for (const auto& text :
         {std::string{}, std::string("x"), right.substr(0, right.size() / 2), short_one,
          "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n" + std::string{}}) {
        const auto name = path("other");
        static_cast<void>(fs().remove(name));
        auto file = fs().open(name, os::OpenMode::create_exclusive, 0600).value();
        ASSERT_TRUE(file->write_at(0, std::as_bytes(std::span(text))));
        const auto read = SigningKey::read(fs(), name);
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().code, Errc::invalid_argument);
        EXPECT_EQ(read_public_key(fs(), name).error().code, Errc::invalid_argument);
    }
    EXPECT_EQ(SigningKey::read(fs(), path("absent")).error().code, Errc::not_found);
}

}  // namespace
}  // namespace larder::internal::remote
