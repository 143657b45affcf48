// Against the examples in AWS's documentation of Signature Version 4 for S3:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
#include "remote/aws_signature.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "remote/curl_library.h"

namespace larder::internal::remote {
namespace {

constexpr std::int64_t k_then_ns = 1'369'353'600'000'000'000;  // 2013-05-24T00:00:00Z

AwsCredentials example() {
    return {"AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), {}};
}

AwsRequest get(std::string path) {
    AwsRequest request;
    request.method = "GET";
    request.host = "examplebucket.s3.amazonaws.com";
    request.path = std::move(path);
    request.region = "us-east-1";
    request.time_ns = k_then_ns;
    return request;
}

std::string signature(const AwsRequest& request) {
    const auto headers = signed_headers(request, example());
    const auto found = std::ranges::find_if(
        headers, [](const auto& each) { return each.starts_with("Authorization: "); });
    return found == headers.end() ? "none" : found->substr(found->rfind('=') + 1);
}

// Each in a process of its own, with OpenSSL's digests or with libsodium's.
TEST(AwsSignature, ReadOfARangeWithWhatLibcurlBrings) {
    ASSERT_TRUE(open_curl());
    auto request = get("/test.txt");
    request.headers["range"] = "bytes=0-9";
    EXPECT_EQ(signature(request),
              "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(AwsSignature, ReadOfARange) {
    auto request = get("/test.txt");
    request.headers["range"] = "bytes=0-9";
    EXPECT_EQ(signature(request),
              "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(AwsSignature, WriteWithContentAndHeaders) {
    auto request = get(uri_encoded("/test$file.text", Slash::keep));
    request.method = "PUT";
    request.headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                       {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
    request.body = "Welcome to Amazon S3.";
    EXPECT_EQ(signature(request),
              "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(AwsSignature, QueriesWithAndWithoutValues) {
    auto request = get("/");
    request.query = {{"lifecycle", ""}};
    EXPECT_EQ(signature(request),
              "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    request.query = {{"prefix", "J"}, {"max-keys", "2"}};
    EXPECT_EQ(signature(request),
              "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(AwsSignature, TheSecretIsNotSent) {
    auto credentials = example();
    credentials.session_token = Secret("a token");
    bool has_token = false;
    for (const auto& header : signed_headers(get("/"), credentials)) {
        EXPECT_EQ(header.find("wJalr"), std::string::npos) << header;
        has_token = has_token || header == "x-amz-security-token: a token";
    }
    EXPECT_TRUE(has_token);
}

TEST(AwsSignature, PathsAndQueriesAreEncodedAsAwsDoes) {
    EXPECT_EQ(uri_encoded("a b/é~+&", Slash::keep), "a%20b/%C3%A9~%2B%26");
    EXPECT_EQ(uri_encoded("a/b", Slash::encode), "a%2Fb");
    EXPECT_EQ(query_text({{"b", "x y"}, {"a", ""}}), "a=&b=x%20y");
}

TEST(Secret, IsWiped) {
    std::string text(100, 'x');
    const auto* const bytes = text.data();
    wipe(text);
    EXPECT_EQ(bytes[0], '\0');
    EXPECT_TRUE(text.empty());
    Secret first("a secret");
    first = Secret("another");
    EXPECT_EQ(first.reveal(), "another");
}

}  // namespace
}  // namespace larder::internal::remote
