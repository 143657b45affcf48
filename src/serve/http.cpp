#include "serve/http.h"

#include <charconv>

namespace larder::serve {
namespace {

// Decodes "%2F" and "+"; invalid escapes stay unchanged.
std::string decoded(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        const auto digits = text.substr(i + 1, 2);
        const auto* const first = digits.data();
        const auto* const last = first + digits.size();
        if (text[i] == '+') {
            result += ' ';
        } else if (text[i] == '%' && digits.size() == 2 &&
                   std::from_chars(first, last, value, 16).ptr == last) {
            result += static_cast<char>(value);
            i += 2;
        } else {
            result += text[i];
        }
    }
    return result;
}

}  // namespace

std::string_view Request::field(std::string_view name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string_view{} : found->second;
}

void read_target(std::string_view target, Request& request) {
    const auto mark = target.find('?');
    request.path = target.substr(0, mark);
    if (mark == std::string_view::npos) return;
    auto rest = target.substr(mark + 1);
    while (!rest.empty()) {
        const auto end = rest.find('&');
        const auto pair = rest.substr(0, end);
        const auto equals = pair.find('=');
        const auto value =
            equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
        request.query[decoded(pair.substr(0, equals))] = decoded(value);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
}

std::string event_text(std::string_view name, std::string_view data) {
    std::string text = "event: ";
    text.append(name).append("\ndata: ").append(data).append("\n\n");
    return text;
}

}  // namespace larder::serve
