// Any HTTP server that takes GET, HEAD and PUT; DELETE is needed to prune, and a list in JSON
// (nginx: "autoindex_format json") to pull or list everything.
#pragma once

#include <string>

#include "remote/web_tier.h"

namespace larder::internal::remote {

class HttpTier final : public WebTier {
public:
    // `url` has no slash at its end.
    HttpTier(std::unique_ptr<HttpClient> client, std::string url)
        : WebTier(std::move(client)), url_(std::move(url)) {}

    Result<void> check_exists() override;
    // Servers have no directories to look at: only an answer is needed.
    Result<void> prepare() override;
    using Tier::write;
    Result<void> write(const std::string& name, std::uint64_t bytes, const Give& give,
                       IfThere if_there) override;
    Result<void> refresh(const std::string& name) override;
    Result<void> list(const std::string& directory,
                      const std::function<void(const Stored&)>& visit) override;
    std::string url() const override { return url_; }

private:
    Result<void> address(HttpRequest& request, const std::string& name) override;
    Error refusal(const HttpAnswer& answer, const std::string& name) override;
    Result<HttpAnswer> ask(const std::string& name);

    std::string url_;
};

}  // namespace larder::internal::remote
