#include <string>

#include <gtest/gtest.h>

#include "remote/aws_settings.h"
#include "support/temporary_directory.h"

namespace larder::internal::remote {
namespace {

class AwsProfileTest : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(fs().make_directory(directory_ / ".aws"));
        variables_["HOME"] = directory_.path();
    }
    os::FileSystem& fs() { return real_.system().fs; }
    void write(const std::string& name, const std::string& text) {
        auto file = fs().open(directory_ / (".aws/" + name), os::OpenMode::create_exclusive);
        ASSERT_TRUE(file);
        ASSERT_TRUE((*file)->write_at(0, std::as_bytes(std::span(text))));
    }
    Result<AwsProfile> read() { return AwsProfile::read(fs(), variables_); }

    os::RealSystem real_;
    support::TemporaryDirectory directory_;
    Variables variables_;
};

TEST_F(AwsProfileTest, AbsentFilesAreEmpty) {
    const auto profile = read();
    ASSERT_TRUE(profile) << profile.error().message();
    EXPECT_EQ(profile->value("aws_access_key_id"), "");
    EXPECT_EQ(aws_region(variables_, *profile), "us-east-1");
    EXPECT_EQ(aws_endpoint(variables_, *profile), "");
}

TEST_F(AwsProfileTest, BothFilesAreReadAndTheOneOfCredentialsCounts) {
    write("config",
          "# comment\n[default]\nregion = eu-west-1\naws_access_key_id=old\n"
          "s3 =\n  region = nested\n[profile team]\nregion=nowhere\n"
          "endpoint_url = https://store:9000/\n");
    write("credentials",
          "[team]\naws_access_key_id = team's\r\n[default]\naws_access_key_id = new\n");
    auto profile = read();
    ASSERT_TRUE(profile);
    EXPECT_EQ(profile->value("aws_access_key_id"), "new");
    EXPECT_EQ(aws_region(variables_, *profile), "eu-west-1");
    variables_["AWS_PROFILE"] = "team";
    profile = read();
    ASSERT_TRUE(profile);
    EXPECT_EQ(profile->value("aws_access_key_id"), "team's");
    EXPECT_EQ(aws_endpoint(variables_, *profile), "https://store:9000");
    variables_["AWS_REGION"] = "auto";
    variables_["AWS_ENDPOINT_URL"] = "http://all";
    variables_["AWS_ENDPOINT_URL_S3"] = "http://s3/";
    EXPECT_EQ(aws_region(variables_, *profile), "auto");
    EXPECT_EQ(aws_endpoint(variables_, *profile), "http://s3");
}

TEST_F(AwsProfileTest, AProfileThatIsNamedMustBeThere) {
    variables_["AWS_PROFILE"] = "team";
    const auto profile = read();
    ASSERT_FALSE(profile);
    EXPECT_EQ(profile.error().code, Errc::not_found);
    EXPECT_NE(profile.error().message().find("'team'"), std::string::npos);
}

}  // namespace
}  // namespace larder::internal::remote
