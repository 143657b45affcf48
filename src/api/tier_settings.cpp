#include "api/tier_settings.h"

#include <algorithm>
#include <array>

#include "os/file_system.h"

namespace larder::api {
namespace {

constexpr std::string_view k_blanks = " \t\r\n";
constexpr std::string_view k_scheme_end = "://";

std::vector<std::string> split_at(std::string_view text, std::string_view separators) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto end = text.find_first_of(separators);
        if (end > 0) parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return parts;
}

// Returns the place of the host in a URL: behind the name and password, if there are any.
std::size_t host_begin(std::string_view url) {
    const auto scheme = url.find(k_scheme_end);
    if (scheme == std::string_view::npos) return 0;
    const auto begin = scheme + k_scheme_end.size();
    const auto at = url.substr(begin, url.find('/', begin) - begin).rfind('@');
    return at == std::string_view::npos ? begin : begin + at + 1;
}

bool is_url(std::string_view url) {
    constexpr std::array<std::string_view, 4> k_schemes{"file://", "s3://", "https://", "http://"};
    const auto* const scheme = std::ranges::find_if(
        k_schemes, [&](std::string_view begin) { return url.starts_with(begin); });
    if (scheme == k_schemes.end() || url.size() == scheme->size()) return false;
    return *scheme == k_schemes[0] || host_begin(url) == scheme->size();
}

}  // namespace

std::optional<std::vector<std::string>> read_urls(std::string_view text) {
    auto urls = split_at(text, k_blanks);
    if (!std::ranges::all_of(urls, [](const auto& url) { return is_url(url); })) return {};
    return urls;
}

std::vector<std::string> split_paths(std::string_view text) { return split_at(text, ":"); }

std::vector<std::filesystem::path> read_paths(std::string_view text) {
    std::vector<std::filesystem::path> paths;
    for (const auto& path : split_paths(text)) {
        paths.emplace_back(internal::os::absolute_path(path));
    }
    return paths;
}

std::string without_passwords(std::string_view text) {
    std::string shown;
    for (const auto& url : split_at(text, k_blanks)) {
        if (!shown.empty()) shown += ' ';
        const auto scheme = url.find(k_scheme_end);
        const auto host = host_begin(url);
        const bool has_user =
            scheme != std::string_view::npos && host != scheme + k_scheme_end.size();
        shown += has_user ? url.substr(0, scheme) + "://…@" + url.substr(host) : url;
    }
    return shown;
}

}  // namespace larder::api
