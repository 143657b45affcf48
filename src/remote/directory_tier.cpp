#include "remote/directory_tier.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

namespace larder::internal::remote {
namespace {

constexpr const char* k_check_url = "check the URL, and that the storage is mounted";
constexpr std::size_t k_piece_bytes = std::size_t{1} << 20;
// No upload takes so long: locks do not tell whose file it is, on other machines.
constexpr std::chrono::nanoseconds k_abandoned_after = std::chrono::hours(24);
constexpr const char* k_unfinished = "tmp";

// Removed unless it was given its name.
class Unfinished {
public:
    Unfinished(os::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}
    Unfinished(const Unfinished&) = delete;
    Unfinished& operator=(const Unfinished&) = delete;
    ~Unfinished() {
        if (!is_named_) static_cast<void>(fs_.remove(path_));
    }
    [[nodiscard]] Result<void> name(const std::string& path, IfThere if_there) {
        // Some network file systems have no links: then the rename has to do.
        if (if_there == IfThere::keep) {
            auto linked = fs_.link(path_, path);
            if (linked || linked.error().code == Errc::already_exists) return linked;
        }
        auto renamed = fs_.rename(path_, path);
        is_named_ = renamed.has_value();
        return renamed;
    }

private:
    os::FileSystem& fs_;
    std::string path_;
    bool is_named_ = false;
};

// Returns whether `name` may be in a directory that is to become a storage. Another machine may be
// about to make the same one: it makes its first entry last.
bool may_precede_entries(std::string_view name) {
    return name == k_objects || name == k_leases || name == k_unfinished || name == "lost+found";
}

}  // namespace

Result<void> DirectoryTier::check_exists() {
    const auto entries = system_.fs.info(path_of(k_entries));
    if (entries) return {};
    if (entries.error().code != Errc::not_found) return fail(entries.error());
    auto directory = system_.fs.info(path_);
    if (directory) {
        return fail(Errc::not_found, "no entry was ever pushed into this directory:", path_,
                    k_check_url);
    }
    directory.error().remedy = k_check_url;
    return fail(std::move(directory.error()));
}

Result<void> DirectoryTier::prepare() {
    auto& fs = system_.fs;
    if (fs.info(path_of("larder.json"))) {
        return fail(Errc::invalid_argument, "this directory is a larder itself:", path_,
                    "give another directory, or set LARDER_DIR to this one");
    }
    const auto names = fs.list(path_);
    if (!names) {
        if (names.error().code != Errc::not_found) return fail(names.error());
        // A path that is wrong, or not mounted, would fill another disk.
        if (const auto above = fs.info(os::parent_directory(path_)); !above) {
            auto error = above.error();
            error.remedy = std::string(k_check_url) + "; or make this directory";
            return fail(std::move(error));
        }
        return os::make_directories(fs, path_);
    }
    if (std::ranges::any_of(*names, [](const auto& each) { return each.name == k_entries; }) ||
        std::ranges::all_of(*names,
                            [](const auto& each) { return may_precede_entries(each.name); })) {
        return {};
    }
    return fail(Errc::invalid_argument, "this directory is neither a storage nor empty:", path_,
                "give another directory");
}

Result<Stored> DirectoryTier::find(const std::string& name) {
    const auto info = system_.fs.info(path_of(name));
    if (!info) return fail(info.error());
    return Stored{name, info->stamp.size_bytes, info->stamp.mtime_ns};
}

Result<Stored> DirectoryTier::read(const std::string& name, std::uint64_t bytes_max,
                                   const Take& take) {
    const auto file = system_.fs.open(path_of(name), os::OpenMode::read);
    if (!file) return fail(file.error());
    const auto info = (*file)->info();
    if (!info) return fail(info.error());
    if (info->stamp.size_bytes > bytes_max) {
        return fail(Errc::damaged, "longer than is possible:", path_of(name));
    }
    std::vector<std::byte> buffer(std::min<std::uint64_t>(k_piece_bytes, info->stamp.size_bytes));
    for (std::uint64_t offset = 0; offset < info->stamp.size_bytes;) {
        const auto piece = std::span(buffer).first(
            std::min<std::uint64_t>(buffer.size(), info->stamp.size_bytes - offset));
        if (auto done = (*file)->read_at(offset, piece); !done) return fail(done.error());
        if (auto done = take(piece); !done) return fail(done.error());
        offset += piece.size();
    }
    return Stored{name, info->stamp.size_bytes, info->stamp.mtime_ns};
}

Result<void> DirectoryTier::write(const std::string& name, std::uint64_t bytes, const Give& give,
                                  IfThere if_there) {
    auto& fs = system_.fs;
    const auto unfinished = path_of(k_unfinished);
    const auto path = path_of(name);
    for (const auto& directory : {unfinished, os::parent_directory(path)}) {
        if (auto made = os::make_directories(fs, directory); !made) return made;
    }
    sweep(unfinished);
    const auto temporary =
        os::join(unfinished, system_.process.host + "-" + std::to_string(system_.entropy.next()));
    auto file = fs.open(temporary, os::OpenMode::create_exclusive);
    if (!file) return fail(file.error());
    Unfinished guard(fs, temporary);
    std::vector<std::byte> buffer(std::min<std::uint64_t>(k_piece_bytes, bytes));
    for (std::uint64_t offset = 0; offset < bytes;) {
        const auto piece =
            std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), bytes - offset));
        if (auto done = give(offset, piece); !done) return done;
        if (auto done = (*file)->write_at(offset, piece); !done) return done;
        offset += piece.size();
    }
    // Before it gets its name, so that a name never stands for bytes that are lost.
    if (auto done = (*file)->sync(); !done) return done;
    if (auto done = guard.name(path, if_there); !done) return done;
    return fs.sync_directory(os::parent_directory(path));
}

void DirectoryTier::sweep(const std::string& directory) {
    if (is_swept_) return;
    is_swept_ = true;
    const auto files = system_.fs.list(directory);
    if (!files) return;
    const auto now_ns = system_.clock.wall().count();
    for (const auto& file : *files) {
        const auto path = os::join(directory, file.name);
        const auto info = system_.fs.link_info(path);
        if (info && now_ns - info->stamp.mtime_ns > k_abandoned_after.count()) {
            static_cast<void>(system_.fs.remove(path));
        }
    }
}

Result<void> DirectoryTier::list(const std::string& directory,
                                 const std::function<void(const Stored&)>& visit) {
    const auto groups = system_.fs.list(path_of(directory));
    if (!groups) return fail(groups.error());
    for (const auto& group : *groups) {
        const auto name = directory + "/" + group.name;
        if (group.kind != os::FileKind::directory) continue;
        const auto files = system_.fs.list(path_of(name));
        // An unreadable directory is not an empty one: a prune would remove objects in use.
        if (!files) return fail(files.error());
        for (const auto& file : *files) {
            const auto stored = find(name + "/" + file.name);
            if (stored) visit(*stored);
            if (!stored && stored.error().code != Errc::not_found) return fail(stored.error());
        }
    }
    return {};
}

Result<void> DirectoryTier::remove(const std::string& name) {
    auto removed = system_.fs.remove(path_of(name));
    if (!removed && removed.error().code == Errc::not_found) return {};
    return removed;
}

}  // namespace larder::internal::remote
