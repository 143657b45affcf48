// The common part of storages behind HTTP: contents are read in ranges, several at once.
#pragma once

#include <memory>
#include <string>

#include "remote/http.h"
#include "remote/tier.h"

namespace larder::internal::remote {

class WebTier : public Tier {
public:
    Result<Stored> find(const std::string& name) override;
    Result<Stored> read(const std::string& name, std::uint64_t bytes_max,
                        const Take& take) override;
    Result<void> remove(const std::string& name) override;

protected:
    explicit WebTier(std::unique_ptr<HttpClient> client) : client_(std::move(client)) {}

    // The request without its content; signed where the storage wants that, with `request.body`.
    [[nodiscard]] virtual Result<void> address(HttpRequest& request, const std::string& name) = 0;
    // The error that an answer without success stands for.
    [[nodiscard]] virtual Error refusal(const HttpAnswer& answer, const std::string& name) = 0;

    [[nodiscard]] HttpClient& client() { return *client_; }

private:
    [[nodiscard]] Result<HttpRequest> range_request(const std::string& name, std::uint64_t begin,
                                                    std::uint64_t end);

    std::unique_ptr<HttpClient> client_;
};

// The code of a status, without the answer's content.
[[nodiscard]] Errc errc_of_status(int status);

// "bytes 0-99/1234" and "bytes */0".
struct ContentRange {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;  // the place after the last byte
    std::uint64_t total = 0;
};
// Errc::damaged for anything else.
[[nodiscard]] Result<ContentRange> parse_content_range(std::string_view text);

}  // namespace larder::internal::remote
