#include "os/mounts.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <vector>

namespace larder::internal::os {
namespace {

// "\040" stands for a blank: so do tabs, line ends and backslashes.
std::string unescaped(std::string_view text) {
    const auto octal = [](char c) { return c >= '0' && c <= '7'; };
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) &&
            octal(text[i + 3])) {
            plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                       (text[i + 3] - '0'));
            i += 3;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    while (!line.empty()) {
        const auto end = std::min(line.find(' '), line.size());
        if (end > 0) words.push_back(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return words;
}

bool is_at_or_above(std::string_view directory, std::string_view path) {
    if (directory == "/") return path.starts_with('/');
    return path.starts_with(directory) &&
           (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace

std::optional<Place> find_mount(std::string_view mountinfo, std::string_view path) {
    constexpr std::size_t k_root = 3;
    constexpr std::size_t k_mount_point = 4;
    std::optional<Place> found;
    while (!mountinfo.empty()) {
        const auto end = std::min(mountinfo.find('\n'), mountinfo.size());
        const auto words = words_of(mountinfo.substr(0, end));
        mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
        // Any number of optional fields comes before the dash.
        std::size_t dash = k_mount_point;
        while (dash < words.size() && words[dash] != "-") ++dash;
        if (dash + 2 >= words.size()) continue;
        auto mount_point = unescaped(words[k_mount_point]);
        if (!is_at_or_above(mount_point, path)) continue;
        // Of several at one point, the last one hides the others.
        if (found && mount_point.size() < found->mount_point.size()) continue;
        std::string file_system(words[dash + 1]);
        file_system.append(" ").append(words[dash + 2]).append(" ").append(words[k_root]);
        // Every container has an overlay of its own at "/": its layers tell them apart.
        if (words[dash + 1] == "overlay" && dash + 3 < words.size()) {
            file_system.append(" ").append(words[dash + 3]);
        }
        found = Place{std::move(mount_point), std::move(file_system)};
    }
    return found;
}

Result<Place> place_of(FileSystem& fs, const std::string& path) {
    const auto resolved = fs.canonical(path);
    if (!resolved) return fail(resolved.error());
    const auto space = fs.space(*resolved);
    if (!space) return fail(space.error());
    std::ostringstream mountinfo;
    mountinfo << std::ifstream("/proc/self/mountinfo").rdbuf();
    if (mountinfo.view().empty()) {
        return fail(Errc::unsupported, "the system does not say what is mounted at", path);
    }
    auto place = find_mount(mountinfo.view(), *resolved);
    if (!place) {
        // The root of a chroot is not listed, as it need not be a mount: its inode tells it apart.
        const auto root = fs.info("/");
        if (!root) return fail(root.error());
        place = Place{"/", "chroot " + std::to_string(root->stamp.inode)};
    }
    std::array<char, 20> id{};
    std::snprintf(id.data(), id.size(), " %016llx", static_cast<unsigned long long>(space->id));
    place->file_system += id.data();
    return *place;
}

Result<Place> place_above(FileSystem& fs, const std::string& path) {
    auto above = absolute_path(path);
    while (above != "/") {
        above = parent_directory(above);
        const auto info = fs.info(above);
        if (info) return place_of(fs, above);
        if (info.error().code != Errc::not_found) return fail(info.error());
    }
    return fail(Errc::not_found, "there is nothing above", path);
}

}  // namespace larder::internal::os
