#include "store/disk/tmp_file.h"

#include <span>
#include <utility>

#include "store/disk/creation.h"

namespace larder::internal::store {
namespace {

constexpr int k_create_attempts_max = 8;

Result<std::unique_ptr<os::File>> create_in(Context& context, const Layout& layout,
                                            const std::string& path, Readers readers) {
    constexpr std::uint32_t k_as_the_larder = 0666;
    constexpr std::uint32_t k_of_the_lock = 0640;
    const auto mode = readers == Readers::of_the_lock ? k_of_the_lock : k_as_the_larder;
    auto& fs = context.fs();
    auto file = fs.open(path, os::OpenMode::create_exclusive, mode);
    if (file || file.error().code != Errc::not_found) return file;
    // The directory was removed while it was in use.
    if (&layout == &context.layout) {
        if (auto made = create_larder(context); !made) return fail(made.error());
    } else if (auto made = os::make_directories(fs, layout.tmp()); !made) {
        return fail(made.error());
    }
    return fs.open(path, os::OpenMode::create_exclusive, mode);
}

bool is_marker(std::string_view name) {
    return name.starts_with(k_directory_kind) && name.ends_with(k_marker_suffix);
}

// For network file systems: they may grant every lock, or show a lock to one machine only. Another
// machine's file is left until it is this old.
constexpr std::int64_t k_foreign_age_ns = std::int64_t{24} * 3600 * 1'000'000'000;

// "1234abcd-" at the beginning of a name's last part but one, see docs/format.md.
bool is_of_this_machine(const Context& context, std::string_view path) {
    return path.find(machine_mark(context) + "-") != std::string_view::npos;
}

// Tells whether a free lock proves that a file's owner is gone.
bool is_told_by_lock(Context& context, const std::string& path) {
    const auto space = context.fs().space(os::parent_directory(path));
    if (space && space->locality != os::Locality::network) return true;
    if (is_of_this_machine(context, path) && locks_exclude(context).value_or(false)) return true;
    const auto info = context.fs().link_info(path);
    if (!info) return false;
    return context.system.clock.wall().count() - info->stamp.mtime_ns > k_foreign_age_ns;
}

void sweep_directory(Context& context, const std::string& path) {
    auto& fs = context.fs();
    // The marker is made before the directory and removed after it.
    const auto marker = fs.link_info(path + std::string(k_marker_suffix));
    if (marker || marker.error().code != Errc::not_found) return;
    if (is_told_by_lock(context, path)) static_cast<void>(os::remove_tree(fs, path));
}

}  // namespace

Result<bool> names(os::FileSystem& fs, const std::string& path, os::File& file) {
    const auto open = file.info();
    if (!open) return fail(open.error());
    const auto there = fs.link_info(path);
    if (!there) {
        if (there.error().code == Errc::not_found) return false;
        return fail(there.error());
    }
    return there->stamp.inode == open->stamp.inode && there->stamp.device == open->stamp.device;
}

std::string machine_mark(const Context& context) {
    constexpr std::size_t k_characters = 8;
    const auto& process = context.system.process;
    const auto machine = process.boot_id.empty() ? process.host : process.boot_id;
    return hash_bytes(std::as_bytes(std::span(machine))).hex().substr(0, k_characters);
}

std::string make_owned_nonce(const Context& context) {
    return machine_mark(context) + "-" + make_nonce(context);
}

Result<bool> locks_exclude(Context& context) {
    const auto layout = writable_layout(context);
    if (!layout) return fail(layout.error());
    const auto open = [&] {
        return context.fs().open((*layout)->gate(), os::OpenMode::create_or_open);
    };
    const auto first = open();
    if (!first) return fail(first.error());
    if (const auto locked = (*first)->try_lock(os::LockMode::shared); !locked) {
        // Another process's lock kept this one away.
        if (locked.error().code == Errc::busy) return true;
        return fail(locked.error());
    }
    const auto second = open();
    if (!second) return fail(second.error());
    return (*second)->is_locked();
}

// Removes the file under its lock, so that a writer that has created the file, and not yet locked
// it, notices.
void sweep_file(Context& context, const std::string& path) noexcept {
    auto& fs = context.fs();
    const auto file = fs.open(path, os::OpenMode::read);
    // The shared lock is enough to keep the writer's exclusive one away, and the file may be
    // read-only already.
    if (!file || !(*file)->try_lock(os::LockMode::shared)) return;
    const auto same = names(fs, path, **file);
    if (!same || !*same || !is_told_by_lock(context, path)) return;
    if (is_marker(os::file_name(path))) {
        const auto directory = path.substr(0, path.size() - k_marker_suffix.size());
        if (!os::remove_tree(fs, directory)) return;
    }
    static_cast<void>(fs.remove(path));
}

Result<TmpFile> TmpFile::create(Context& context, const Layout& layout, std::string_view kind,
                                std::string_view suffix, Readers readers) {
    auto& fs = context.fs();
    for (int attempt = 0; attempt < k_create_attempts_max; ++attempt) {
        const auto path =
            os::join(layout.tmp(),
                     std::string(kind) + "-" + make_owned_nonce(context) + std::string(suffix));
        auto file = create_in(context, layout, path, readers);
        if (!file) {
            if (file.error().code == Errc::already_exists) continue;
            return fail(std::move(file.error()));
        }
        TmpFile created(fs, std::move(*file), path);
        if (auto locked = created.file().try_lock(); !locked) {
            // A sweep has locked the file meanwhile, and will remove it.
            if (locked.error().code == Errc::busy) continue;
            return fail(std::move(locked.error()));
        }
        const auto same = names(fs, path, created.file());
        if (!same) return fail(same.error());
        if (*same) return created;
    }
    return fail(Errc::busy, "cannot create a temporary file in", layout.tmp());
}

TmpFile::~TmpFile() {
    if (file_ && !moved_ && ownership_.is_ours()) static_cast<void>(fs_->remove(path_));
}

Result<void> TmpFile::move_to(const std::string& path) {
    if (auto renamed = fs_->rename(path_, path); !renamed) return renamed;
    path_ = path;
    moved_ = true;
    return {};
}

void sweep(Context& context, const Layout& layout) noexcept {
    const auto found = context.fs().list(layout.tmp());
    if (!found) return;
    for (const auto& entry : *found) {
        const auto path = os::join(layout.tmp(), entry.name);
        if (entry.kind == os::FileKind::directory) {
            sweep_directory(context, path);
        } else {
            sweep_file(context, path);
        }
    }
}

}  // namespace larder::internal::store
