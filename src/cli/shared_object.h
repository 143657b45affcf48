// Reads the description in the file of a shared library, without loading it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::cli {

struct SharedObject {
    std::string name;                 // by which others ask for it; empty if it has none
    std::vector<std::string> needed;  // the names of the libraries that it asks for
    std::vector<std::filesystem::path> run_path;  // where these are searched for
    std::string build_id;                         // hexadecimal; empty if it has none
    bool has_symbol = false;
};

// Returns nothing if the file cannot be read, or is no shared library of 64 bits. `symbol` is the
// begin of a name: `has_symbol` tells whether the library exports or imports such a name.
[[nodiscard]] std::optional<SharedObject> read_shared_object(const std::filesystem::path& path,
                                                             std::string_view symbol = {});

}  // namespace larder::cli
