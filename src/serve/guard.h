// Access control. Pages of other sites run in the same browser: none of them may read or change
// anything here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "serve/http.h"

namespace larder::serve {

struct Access {
    std::vector<std::string> hosts;  // the server's accepted host names, in lower case
    std::string token;
    bool read_needs_token = false;  // if other machines can reach the server
    bool read_only = false;
};

enum class Need {
    nothing,  // the page itself, and whether the server is alive
    reading,
    acting,
};

// Returns the refusal of a request that must not be executed.
[[nodiscard]] std::optional<Response> refusal(const Access& access, const Request& request,
                                              Need need);

// Adds headers that make browsers run nothing but this page's own code, in no frame, and store
// nothing.
void protect(Response& response);

// Returns a new token of 256 random bits.
[[nodiscard]] std::string make_token();

// {"error":{"code":…,"what":…,"remedy":…}}
[[nodiscard]] Response error_response(Status status, const std::string& code,
                                      const std::string& what, const std::string& remedy);

}  // namespace larder::serve
