// Requests and responses, as handlers see them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace larder::serve {

enum class Method { get, head, post, other };

struct Request {
    Method method = Method::get;
    std::string path;                                        // without the query; not decoded
    std::map<std::string, std::string, std::less<>> query;   // decoded; the last of a name counts
    std::map<std::string, std::string, std::less<>> fields;  // by name in lower case
    std::string body;

    // Returns an empty text if there is none.
    [[nodiscard]] std::string_view field(std::string_view name) const;
};

// The status codes of HTTP that are used.
enum class Status : unsigned {
    ok = 200,
    accepted = 202,
    bad_request = 400,
    unauthorized = 401,
    forbidden = 403,
    not_found = 404,
    method_not_allowed = 405,
    conflict = 409,
    too_large = 413,
    unsupported_type = 415,
    misdirected = 421,
    unprocessable = 422,
    fields_too_large = 431,
    internal = 500,
    unavailable = 503,
};

enum class Stream {
    no,
    events,  // the body is the first event of a stream; Server::publish sends the others
};

struct Response {
    Status status = Status::ok;
    std::string type = "application/json";
    std::shared_ptr<const std::string> body = std::make_shared<std::string>();
    std::vector<std::pair<std::string, std::string>> fields;
    Stream stream = Stream::no;
};

// Called on several threads at once. Must not throw.
using Handler = std::function<Response(const Request&)>;

// Reads a target in its original form, "/path?name=value".
void read_target(std::string_view target, Request& request);

// Returns one message of a stream of server-sent events; `data` has no line breaks.
[[nodiscard]] std::string event_text(std::string_view name, std::string_view data);

}  // namespace larder::serve
