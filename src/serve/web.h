// The page and what belongs to it, as they are in this binary.
#pragma once

#include <span>
#include <string_view>

namespace larder::serve {

struct WebFile {
    std::string_view path;  // as asked for: "/app.js"
    std::string_view type;
    std::string_view text;
};

// Written by cmake/embed.cmake.
[[nodiscard]] std::span<const WebFile> web_files();

}  // namespace larder::serve
