#include "os/environment.h"

#include <algorithm>

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

}  // namespace larder::internal::os
