#include "os/file_system.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace larder::internal::os {

bool is_settled(const FileStamp& stamp, std::int64_t read_at_ns) {
    // If the time has no fraction of a second, the file system may have a resolution of up to 2 s
    // (FAT, some network servers); otherwise it is one tick of the kernel, 10 ms at most.
    constexpr std::int64_t k_second_ns = 1'000'000'000;
    const bool coarse = stamp.ctime_ns % k_second_ns == 0;
    return stamp.ctime_ns < read_at_ns - (coarse ? 2 * k_second_ns : 20'000'000);
}

Result<void> make_directories(FileSystem& fs, const std::string& path) {
    const auto parent = parent_directory(path);
    auto made = fs.make_directory(path);
    if (!made && made.error().code == Errc::not_found && parent != path) {
        if (auto above = make_directories(fs, parent); !above) return above;
        made = fs.make_directory(path);
    }
    if (made) return fs.sync_directory(parent);
    if (made.error().code != Errc::already_exists) {
        // A read-only file system reports this even for an existing directory.
        const auto there = fs.info(path);
        if (there && there->kind == FileKind::directory) return {};
        return made;
    }
    const auto info = fs.info(path);
    if (!info) return fail(info.error());
    if (info->kind != FileKind::directory) {
        return fail(Error::from_errno("cannot create the directory", path, ENOTDIR));
    }
    return {};
}

Result<std::string> read_text(FileSystem& fs, const std::string& path,
                              std::uint64_t size_bytes_max) {
    auto file = read_text_file(fs, path, size_bytes_max);
    if (!file) return fail(std::move(file.error()));
    return std::move(file->text);
}

Result<TextFile> read_text_file(FileSystem& fs, const std::string& path,
                                std::uint64_t size_bytes_max) {
    const auto file = fs.open(path, OpenMode::read);
    if (!file) return fail(file.error());
    const auto info = (*file)->info();
    if (!info) return fail(info.error());
    if (info->kind != FileKind::regular) return fail(Errc::damaged, "not a regular file:", path);
    if (info->stamp.size_bytes > size_bytes_max) return fail(Errc::damaged, "too large:", path);
    std::string text(info->stamp.size_bytes, '\0');
    if (auto read = (*file)->read_at(0, std::as_writable_bytes(std::span(text))); !read) {
        return fail(std::move(read.error()));
    }
    return TextFile{std::move(text), *info};
}

Result<void> remove_tree(FileSystem& fs, const std::string& path) {
    const auto gone = [](const Error& error) { return error.code == Errc::not_found; };
    const auto entries = fs.list(path);
    if (!entries) {
        if (gone(entries.error())) return {};
        return fail(entries.error());
    }
    for (const auto& entry : *entries) {
        const auto child = join(path, entry.name);
        auto removed =
            entry.kind == FileKind::directory ? remove_tree(fs, child) : fs.remove(child);
        if (!removed && !gone(removed.error())) return removed;
    }
    auto removed = fs.remove_directory(path);
    if (!removed && !gone(removed.error())) return removed;
    return {};
}

std::string join(std::string_view directory, std::string_view name) {
    std::string path(directory);
    while (!name.empty() && name.front() == '/') name.remove_prefix(1);
    if (!path.empty() && path.back() != '/') path += '/';
    path += name;
    return path;
}

std::string absolute_path(const std::string& path) {
    std::error_code failed;
    const auto absolute = std::filesystem::absolute(path, failed);
    if (failed) return path;
    const auto normal = absolute.lexically_normal();
    const bool goes_up = std::find(absolute.begin(), absolute.end(), "..") != absolute.end();
    // After a symbolic link, ".." leads elsewhere than the text says.
    if (goes_up && !std::filesystem::equivalent(absolute, normal, failed) && !failed) {
        return absolute.string();
    }
    return normal.string();
}

std::string parent_directory(std::string_view path) {
    while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos) return ".";
    if (slash == 0) return "/";
    return std::string(path.substr(0, slash));
}

std::string file_name(std::string_view path) {
    while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
    const auto slash = path.rfind('/');
    return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace larder::internal::os
