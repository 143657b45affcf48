#include "store/tmp_file.h"

#include <utility>

namespace larder::internal::store {
namespace {

constexpr int k_create_attempts_max = 8;

Result<std::unique_ptr<os::File>> create_in(Context& context, const Layout& layout,
                                            const std::string& path) {
    auto& fs = context.fs();
    auto file = fs.open(path, os::OpenMode::create_exclusive);
    if (file || file.error().code != Errc::not_found) return file;
    // Somebody removed the directory while we were using it.
    if (&layout == &context.layout) {
        if (auto made = create_larder(context); !made) return fail(made.error());
    } else if (auto made = os::make_directories(fs, layout.tmp()); !made) {
        return fail(made.error());
    }
    return fs.open(path, os::OpenMode::create_exclusive);
}

bool is_marker(std::string_view name) {
    return name.starts_with(k_directory_kind) && name.ends_with(k_marker_suffix);
}

// Under the lock, so that a writer that has created the file, and not yet locked it, notices.
void sweep_file(os::FileSystem& fs, const std::string& path) {
    const auto file = fs.open(path, os::OpenMode::read);
    // The shared lock is enough to keep the writer's exclusive one away, and the file may be
    // read-only already.
    if (!file || !(*file)->try_lock(os::LockMode::shared)) return;
    const auto same = names(fs, path, **file);
    if (!same || !*same) return;
    if (is_marker(os::file_name(path))) {
        const auto directory = path.substr(0, path.size() - k_marker_suffix.size());
        if (!os::remove_tree(fs, directory)) return;
    }
    static_cast<void>(fs.remove(path));
}

void sweep_directory(os::FileSystem& fs, const std::string& path) {
    // The marker is made before the directory and removed after it.
    const auto marker = fs.link_info(path + std::string(k_marker_suffix));
    if (!marker && marker.error().code == Errc::not_found) {
        static_cast<void>(os::remove_tree(fs, path));
    }
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

Result<TmpFile> TmpFile::create(Context& context, const Layout& layout, std::string_view kind,
                                std::string_view suffix) {
    auto& fs = context.fs();
    for (int attempt = 0; attempt < k_create_attempts_max; ++attempt) {
        const auto path = os::join(
            layout.tmp(), std::string(kind) + "-" + make_nonce(context) + std::string(suffix));
        auto file = create_in(context, layout, path);
        if (!file) {
            if (file.error().code == Errc::already_exists) continue;
            return fail(std::move(file.error()));
        }
        TmpFile created(fs, std::move(*file), path);
        if (auto locked = created.file().try_lock(); !locked) {
            // A sweep that came between has it, and will remove it.
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
    auto& fs = context.fs();
    const auto found = fs.list(layout.tmp());
    if (!found) return;
    for (const auto& entry : *found) {
        const auto path = os::join(layout.tmp(), entry.name);
        if (entry.kind == os::FileKind::directory) {
            sweep_directory(fs, path);
        } else {
            sweep_file(fs, path);
        }
    }
}

}  // namespace larder::internal::store
