// S3, and the stores that speak its protocol: Ceph, R2, versitygw, MinIO…
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "remote/aws_settings.h"
#include "remote/web_tier.h"

namespace larder::internal::remote {

struct Bucket {
    std::string name;
    std::string prefix;    // without slashes at its ends; may be empty
    std::string endpoint;  // "https://host:port"; empty: AWS's own
    std::string region;
};

class S3Tier final : public WebTier {
public:
    // `system` must outlive it. `credentials_client` serves the credential chain, whose failures
    // are not those of the storage.
    S3Tier(const os::System& system, std::unique_ptr<HttpClient> client,
           std::unique_ptr<HttpClient> credentials_client, Variables variables,
           const AwsProfile& profile, Bucket bucket);

    Result<void> check_exists() override;
    // A bucket is made by those who pay for it.
    Result<void> prepare() override;
    using Tier::write;
    Result<void> write(const std::string& name, std::uint64_t bytes, const Give& give,
                       IfThere if_there) override;
    Result<void> refresh(const std::string& name) override;
    Result<void> list(const std::string& directory,
                      const std::function<void(const Stored&)>& visit) override;
    std::string url() const override;

private:
    using Query = std::map<std::string, std::string>;
    using Headers = std::map<std::string, std::string>;

    Result<void> address(HttpRequest& request, const std::string& name) override;
    Error refusal(const HttpAnswer& answer, const std::string& name) override;
    // Writes the URL and the signed headers into `request`, whose body is complete. A key in the
    // bucket; an empty one is the bucket itself.
    Result<void> sign(HttpRequest& request, const std::string& key, const Query& query,
                      Headers headers);
    // Lists at most one entry.
    Result<HttpAnswer> list_one();
    // Sends a request whose answer is short.
    Result<HttpAnswer> call(HttpMethod method, const std::string& key, const Query& query,
                            const Headers& headers, const std::string& body);
    [[nodiscard]] std::string key_of(const std::string& name) const;
    Result<std::vector<std::string>> send_parts(const std::string& key, const std::string& upload,
                                                std::uint64_t bytes, const Give& give);
    Result<void> write_in_parts(const std::string& name, std::uint64_t bytes, const Give& give);
    // Ends uploads of larder that nobody has completed for a day. Best effort.
    void sweep();

    os::System system_;
    Variables variables_;
    AwsProfile profile_;
    std::unique_ptr<HttpClient> credentials_client_;
    CredentialChain chain_;
    Bucket bucket_;
    std::string host_;       // of the URL
    std::string base_;       // scheme and host
    std::string base_path_;  // "/bucket" where the host does not name it
    bool is_swept_ = false;
};

// "3 characters to 63": what a bucket may be called, or could be called once.
[[nodiscard]] bool is_bucket_name(std::string_view name);

}  // namespace larder::internal::remote
