#include "os/mounts.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

namespace larder::internal::os {
namespace {

// "\040" stands for a blank; tabs, line ends and backslashes are escaped in the same way.
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

// A line of mountinfo; its views refer to the text.
struct Mount {
    std::string mount_point;
    std::string_view type;
    std::string_view source;
    std::string_view root;
    std::string_view options;  // of the file system
};

std::optional<Mount> mount_above(std::string_view mountinfo, std::string_view path) {
    constexpr std::size_t k_root = 3;
    constexpr std::size_t k_mount_point = 4;
    std::optional<Mount> found;
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
        // If several mounts have the same mount point, the last one hides the others.
        if (found && mount_point.size() < found->mount_point.size()) continue;
        found = Mount{std::move(mount_point), words[dash + 1], words[dash + 2], words[k_root],
                      dash + 3 < words.size() ? words[dash + 3] : std::string_view()};
    }
    return found;
}

// Each applies to file system types that begin with the first text.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> k_against_locks{
    {{"nfs", "nolock"},
     {"nfs", "local_lock=all"},
     {"nfs", "local_lock=posix"},
     {"lustre", "localflock"},
     {"cifs", "nobrl"},
     {"smb3", "nobrl"}}};

std::string read_mountinfo() {
    std::ostringstream mountinfo;
    mountinfo << std::ifstream("/proc/self/mountinfo").rdbuf();
    return std::move(mountinfo).str();
}

}  // namespace

std::optional<Place> find_mount(std::string_view mountinfo, std::string_view path) {
    const auto mount = mount_above(mountinfo, path);
    if (!mount) return std::nullopt;
    std::string file_system(mount->type);
    file_system.append(" ").append(mount->source).append(" ").append(mount->root);
    // Every container has an overlay of its own at "/": the layers in its options identify it.
    if (mount->type == "overlay" && !mount->options.empty()) {
        file_system.append(" ").append(mount->options);
    }
    return Place{mount->mount_point, std::move(file_system)};
}

std::string option_against_locks(std::string_view mountinfo, std::string_view path) {
    const auto mount = mount_above(mountinfo, path);
    if (!mount) return {};
    for (auto options = mount->options; !options.empty();) {
        const auto end = std::min(options.find(','), options.size());
        const auto option = options.substr(0, end);
        options.remove_prefix(std::min(end + 1, options.size()));
        const auto is_it = [&](const auto& known) {
            return mount->type.starts_with(known.first) && option == known.second;
        };
        if (std::ranges::any_of(k_against_locks, is_it)) return std::string(option);
    }
    return {};
}

std::string option_against_locks(FileSystem& fs, const std::string& path) {
    const auto resolved = fs.canonical(path);
    return resolved ? option_against_locks(read_mountinfo(), *resolved) : std::string();
}

Result<Place> place_of(FileSystem& fs, const std::string& path) {
    const auto resolved = fs.canonical(path);
    if (!resolved) return fail(resolved.error());
    const auto space = fs.space(*resolved);
    if (!space) return fail(space.error());
    const auto mountinfo = read_mountinfo();
    if (mountinfo.empty()) {
        return fail(Errc::unsupported, "the system does not tell which file system is mounted at",
                    path);
    }
    auto place = find_mount(mountinfo, *resolved);
    if (!place) {
        // The root of a chroot is not listed, because it need not be a mount: its inode identifies
        // it.
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
