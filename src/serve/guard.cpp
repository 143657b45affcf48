#include "serve/guard.h"

#include <algorithm>
#include <random>

#include "cli/json.h"

namespace larder::serve {
namespace {

// Returns "localhost:8484" without the port; "[::1]:8484" as "[::1]".
std::string_view name_of(std::string_view host) {
    const auto bracket = host.find(']');
    const auto colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
    return host.substr(0, colon);
}

std::string small(std::string_view text) {
    std::string result(text);
    for (auto& letter : result) {
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    }
    return result;
}

// Rejects unknown host names: a site can make its own name resolve to this machine, and then uses
// that name.
bool is_asked_by_name(const Access& access, const Request& request) {
    const auto name = small(name_of(request.field("host")));
    return std::ranges::find(access.hosts, name) != access.hosts.end();
}

// Evaluates the headers in which browsers say where a request comes from. Other programs do not
// send them.
bool is_of_another_site(const Request& request) {
    const auto site = request.field("sec-fetch-site");
    if (!site.empty() && site != "same-origin" && site != "none") return true;
    const auto origin = request.field("origin");
    if (origin.empty()) return false;
    const auto at = origin.find("://");
    return at == std::string_view::npos || origin.substr(at + 3) != request.field("host");
}

// Takes the same time for all texts of this length.
bool is_same(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference |= static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^
                                            static_cast<unsigned char>(b[i]));
    }
    return difference == 0;
}

bool has_token(const Access& access, const Request& request) {
    constexpr std::string_view k_bearer = "Bearer ";
    const auto given = request.field("authorization");
    return given.starts_with(k_bearer) && is_same(given.substr(k_bearer.size()), access.token);
}

Response no_token() {
    auto response = error_response(Status::unauthorized, "token", "the token is missing or wrong",
                                   "open the address that 'larder serve' printed");
    response.fields.emplace_back("WWW-Authenticate", "Bearer");
    return response;
}

}  // namespace

std::optional<Response> refusal(const Access& access, const Request& request, Need need) {
    if (!is_asked_by_name(access, request)) {
        return error_response(Status::misdirected, "host",
                              "the Host of the request is not a name of this server",
                              "start it with --host NAME");
    }
    if (need == Need::nothing) return std::nullopt;
    if (is_of_another_site(request)) {
        return error_response(Status::forbidden, "site",
                              "requests from pages of other sites are refused",
                              "use the dashboard's own page");
    }
    if (need == Need::reading) {
        if (access.read_needs_token && !has_token(access, request)) return no_token();
        return std::nullopt;
    }
    if (!has_token(access, request)) return no_token();
    if (access.read_only) {
        return error_response(Status::forbidden, "read_only", "this server is read-only",
                              "start it without --read-only");
    }
    if (!request.field("content-type").starts_with("application/json")) {
        return error_response(Status::unsupported_type, "type",
                              "an action needs the content type application/json",
                              "send Content-Type: application/json");
    }
    return std::nullopt;
}

void protect(Response& response) {
    const auto add = [&](const char* name, const char* value) {
        response.fields.emplace_back(name, value);
    };
    add("Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'");
    add("X-Frame-Options", "DENY");
    add("X-Content-Type-Options", "nosniff");
    add("Referrer-Policy", "no-referrer");
    add("Cross-Origin-Opener-Policy", "same-origin");
    add("Cross-Origin-Resource-Policy", "same-origin");
    add("Cache-Control", "no-store");
}

std::string make_token() {
    constexpr int k_words = 8;
    constexpr int k_digits = 8;
    constexpr std::string_view k_hex = "0123456789abcdef";
    std::random_device random;  // of the system, 32 bits a call
    std::string token;
    for (int i = 0; i < k_words; ++i) {
        auto word = random();
        for (int j = 0; j < k_digits; ++j, word >>= 4) token += k_hex[word & 15U];
    }
    return token;
}

Response error_response(Status status, const std::string& code, const std::string& what,
                        const std::string& remedy) {
    auto json = cli::json_object();
    json["error"] = {{"code", code}, {"what", what}, {"remedy", cli::text_or_null(remedy)}};
    Response response;
    response.status = status;
    response.body = std::make_shared<std::string>(cli::json_line(json));
    return response;
}

}  // namespace larder::serve
