#include "os/denial.h"

#include <array>
#include <cstdio>
#include <optional>
#include <utility>

namespace larder::internal::os {
namespace {

// By number, because looking up a user's name may load libraries and contact servers.
std::string owner_and_mode(const FileInfo& info) {
    const auto owner = info.owner == 0 ? std::string("root") : std::to_string(info.owner);
    std::array<char, 16> mode{};
    std::snprintf(mode.data(), mode.size(), "%03o", info.mode & 07777U);
    return "owner " + owner + ", mode " + mode.data();
}

// Returns the deepest visible place among `path` and its parent directories: the one that denies
// access.
std::optional<std::pair<std::string, FileInfo>> closed_place(FileSystem& fs,
                                                             const std::string& path) {
    for (auto place = absolute_path(path);; place = parent_directory(place)) {
        if (const auto info = fs.info(place)) return std::pair(place, *info);
        if (place == "/") return {};
    }
}

}  // namespace

Error explain_denial(FileSystem& fs, Error error, const std::string& what,
                     const std::string& path) {
    if (error.code != Errc::permission_denied || error.system_errno == 0) return error;
    const auto name = absolute_path(path);
    auto text = "this user may not read the " + what + " '" + name + "'";
    if (const auto closed = closed_place(fs, name)) {
        const auto& [place, info] = *closed;
        text += place == name ? " (" + owner_and_mode(info) + ")"
                              : ": '" + place + "' is closed (" + owner_and_mode(info) + ")";
    }
    return {Errc::permission_denied,
            0,
            std::move(text),
            {},
            "let this user read it, or choose another larder with LARDER_DIR"};
}

}  // namespace larder::internal::os
