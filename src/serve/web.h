// The page and its files, which are embedded in this binary.
#pragma once

#include <span>
#include <string_view>

namespace larder::serve {

struct WebFile {
    std::string_view path;  // as requested: "/app.js"
    std::string_view type;
    std::string_view text;
};

// Defined in a file that cmake/embed.cmake writes.
[[nodiscard]] std::span<const WebFile> web_files();

}  // namespace larder::serve
