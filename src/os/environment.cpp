#include "os/environment.h"

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <vector>

#include <unistd.h>

namespace larder::internal::os {

std::map<std::string, std::string> environment(std::span<const std::string_view> prefixes) {
    std::map<std::string, std::string> found;
    if (environ == nullptr) return found;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const auto equals = text.find('=');
        if (equals == std::string_view::npos) continue;
        const auto name = text.substr(0, equals);
        // Of two variables with the same name, getenv finds the first.
        if (std::ranges::any_of(prefixes, [&](auto prefix) { return name.starts_with(prefix); })) {
            found.emplace(name, text.substr(equals + 1));
        }
    }
    return found;
}

std::string home_of_this_user(FileSystem& fs, const std::string& file) {
    constexpr std::uint64_t k_bytes_max = std::uint64_t{1} << 20;
    constexpr std::size_t k_user = 2;
    constexpr std::size_t k_home = 5;
    const auto text = read_text(fs, file, k_bytes_max);
    if (!text) return {};
    const auto user = std::to_string(::getuid());
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
        std::vector<std::string> fields;
        std::istringstream parts(line);
        for (std::string part; std::getline(parts, part, ':');) fields.push_back(part);
        if (fields.size() > k_home && fields[k_user] == user) return fields[k_home];
    }
    return {};
}

}  // namespace larder::internal::os
