// Requests to HTTP servers that may be slow, broken or lying. Each wait has a limit.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/system.h"

namespace larder::internal::remote {

struct HttpLimits {
    std::chrono::milliseconds connect{5000};
    // A connection that moves less than `slowest_bytes_per_s` for so long has failed.
    std::chrono::seconds stall{10};
    std::uint64_t slowest_bytes_per_s = 1024;
    // For an answer without its content, in which a server may also have to finish its work.
    std::chrono::seconds answer{60};
    unsigned attempts = 4;
    std::chrono::milliseconds first_pause{200};  // doubles, with jitter
    std::chrono::milliseconds longest_pause{5000};
    unsigned parallel = 4;
};

struct HttpOptions {
    HttpLimits limits;
    std::string ca_bundle;   // a file; empty: the system's certificates
    std::string netrc_file;  // with names and passwords by host; empty: none
    bool follows_redirects = false;
    std::function<bool()> is_ended;  // true ends a request within a second; empty: never
};

enum class HttpMethod { get, head, put, post, remove };

struct HttpRequest {
    HttpMethod method = HttpMethod::get;
    std::string url;                   // percent-encoded
    std::vector<std::string> headers;  // "Name: value"; no line breaks
    // Sent if it is not empty.
    std::string body;
    // Otherwise `give_bytes` bytes are sent, of which `give` fills in a range.
    std::function<Result<void>(std::uint64_t offset, std::span<std::byte>)> give;
    std::uint64_t give_bytes = 0;
    // A longer content of the answer is a failure.
    std::uint64_t body_bytes_max = 0;
    // Takes the content of a whole answer (200) in order, in pieces; without it, and with other
    // answers, the content is kept in memory. More than `take_bytes_max` is a failure.
    std::function<Result<void>(std::span<const std::byte>)> take;
    std::uint64_t take_bytes_max = 0;
};

struct HttpAnswer {
    int status = 0;
    std::string body;
    std::string etag;
    std::string content_range;
    std::string region;  // x-amz-bucket-region
    std::uint64_t content_bytes = 0;
    bool has_content_bytes = false;      // the server stated them
    std::int64_t last_modified_ns = -1;  // since the epoch; -1: not stated
    std::int64_t date_ns = -1;
};

// Keeps connections open between requests. Not thread-safe.
class HttpClient {
public:
    // `system` must outlive it. Errc::unsupported if this machine has no libcurl.
    [[nodiscard]] static Result<std::unique_ptr<HttpClient>> open(const os::System& system,
                                                                  HttpOptions options);
    HttpClient() = default;
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    virtual ~HttpClient() = default;

    // Makes the request anew for each attempt, because a signature has a date.
    using Make = std::function<Result<HttpRequest>(std::uint64_t index)>;
    using Answered = std::function<Result<void>(std::uint64_t index, HttpAnswer&& answer)>;

    // Sends `count` requests, some of them at once, and gives their answers in order, whatever
    // their status. Repeats after broken connections, and after statuses that say "later". Errors
    // are those of the network, of `make` and of `answered`. After a server has failed at all
    // attempts, the next request has one, and after three of these no more is sent.
    [[nodiscard]] virtual Result<void> send_all(std::uint64_t count, const Make& make,
                                                const Answered& answered) = 0;
    // One request.
    [[nodiscard]] Result<HttpAnswer> send(const std::function<Result<HttpRequest>()>& make);
};

// Reads "Sun, 06 Nov 1994 08:49:37 GMT" and "2026-11-30T15:43:07.123Z"; -1 for anything else.
[[nodiscard]] std::int64_t parse_http_time(std::string_view text);
[[nodiscard]] std::int64_t parse_iso_time(std::string_view text);

}  // namespace larder::internal::remote
