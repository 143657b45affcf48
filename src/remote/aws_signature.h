// Signatures of requests to S3: AWS Signature Version 4,
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "remote/secret.h"

namespace larder::internal::remote {

struct AwsCredentials {
    std::string access_key_id;
    Secret secret_access_key;
    Secret session_token;             // empty: none
    std::int64_t expires_at_ns = -1;  // since the epoch; -1: never

    [[nodiscard]] bool empty() const { return access_key_id.empty(); }
};

struct AwsRequest {
    std::string method;
    std::string host;  // as in the header: with the port where it is not the usual one
    std::string path;  // percent-encoded once
    std::map<std::string, std::string> query;    // not encoded
    std::map<std::string, std::string> headers;  // names in lower case; all are signed
    std::string_view body;
    std::string region;
    std::string service = "s3";
    std::int64_t time_ns = 0;  // since the epoch
};

// The headers to send, "Name: value", those of the request among them.
[[nodiscard]] std::vector<std::string> signed_headers(const AwsRequest& request,
                                                      const AwsCredentials& credentials);

// Encodes everything but letters, digits, "-", ".", "_", "~", and "/" where it is kept.
enum class Slash { keep, encode };
[[nodiscard]] std::string uri_encoded(std::string_view text, Slash slash);
// "a=1&b=2": sorted, encoded.
[[nodiscard]] std::string query_text(const std::map<std::string, std::string>& query);

}  // namespace larder::internal::remote
