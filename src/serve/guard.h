// Who may ask for what. Pages of other sites run in the same browser: none of them may read or
// change anything here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "serve/http.h"

namespace larder::serve {

struct Access {
    std::vector<std::string> hosts;  // names under which the server may be asked, in small letters
    std::string token;
    bool read_needs_token = false;  // where others than this machine can reach it
    bool read_only = false;
};

enum class Need {
    nothing,  // the page itself, and whether the server lives
    reading,
    acting,
};

// The refusal of a request that must not be done.
[[nodiscard]] std::optional<Response> refusal(const Access& access, const Request& request,
                                              Need need);

// Adds what tells browsers to run nothing but this page's own code, in no frame, and to keep
// nothing.
void protect(Response& response);

// A new one, of 256 random bits.
[[nodiscard]] std::string make_token();

// {"error":{"code":…,"what":…,"remedy":…}}
[[nodiscard]] Response error_response(Status status, const std::string& code,
                                      const std::string& what, const std::string& remedy);

}  // namespace larder::serve
