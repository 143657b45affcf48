#include "store/private_directory.h"

#include <algorithm>
#include <utility>

#include "os/open_files.h"
#include "store/disk/context.h"
#include "store/disk/tmp_file.h"
#include "store/objects/objects.h"
#include "store/objects/quarantine.h"

namespace larder::internal::store {
namespace {

bool is_untouched(const os::FileStamp& before, const os::FileStamp& now) {
    // Ignores ctime, which changes with every link to the file.
    return before.inode == now.inode && before.device == now.device &&
           before.size_bytes == now.size_bytes && before.mtime_ns == now.mtime_ns;
}

// Links the object to `path`; Errc::not_found if it is no longer the file that was verified.
Result<os::FileStamp> link_object(Context& context, const OpenedObject& object, const Part& part,
                                  const std::string& path) {
    auto& fs = context.fs();
    if (auto linked = fs.link(context.layout.object(part.object), path); !linked) {
        return fail(std::move(linked.error()));
    }
    const auto info = fs.link_info(path);
    if (!info) return fail(info.error());
    if (is_untouched(object.stamp, info->stamp)) return info->stamp;
    static_cast<void>(fs.remove(path));
    return fail(Errc::not_found, "the object was replaced:", path);
}

// Writes the bytes that were just read and hashed: the copy need not be verified again.
Result<os::FileStamp> copy_object(Context& context, const Key& key, const Part& part,
                                  const std::string& path) {
    const auto copy = context.fs().open(path, os::OpenMode::create_exclusive);
    if (!copy) return fail(copy.error());
    const auto write = [&](std::uint64_t offset, std::span<const std::byte> bytes) {
        return (*copy)->write_at(offset, bytes);
    };
    const auto object = open_verified(context, key, part, Verify::always, write);
    if (!object) return fail(object.error());
    const auto info = (*copy)->info();
    if (!info) return fail(info.error());
    return info->stamp;
}

// Files get this suffix until they are complete; no device asks for such a name.
constexpr std::string_view k_unfinished_suffix = ".part";

}  // namespace

PrivateDirectory::PrivateDirectory(os::FileSystem& fs, std::unique_ptr<os::File> marker,
                                   std::string path)
    : fs_(&fs), marker_(std::move(marker)), path_(std::move(path)) {}

PrivateDirectory& PrivateDirectory::operator=(PrivateDirectory&& other) noexcept {
    remove();
    fs_ = other.fs_;
    marker_ = std::move(other.marker_);
    path_ = std::move(other.path_);
    key_ = other.key_;
    placed_ = std::move(other.placed_);
    ownership_ = other.ownership_;
    return *this;
}

PrivateDirectory::~PrivateDirectory() { remove(); }

void PrivateDirectory::remove() noexcept {
    if (!marker_) return;
    // The marker is removed last: a sweep finds directories by their markers. A directory that
    // still holds files keeps its marker, for the sweep to try again.
    if (ownership_.is_ours() && os::remove_tree(*fs_, path_)) {
        static_cast<void>(fs_->remove(marker_->path()));
    }
    marker_.reset();
}

Result<PrivateDirectory> materialise(Context& context, const Manifest* manifest, Verify policy) {
    const auto layout = writable_layout(context);
    if (!layout) return fail(layout.error());
    auto& fs = context.fs();
    auto marker = TmpFile::create(context, **layout, k_directory_kind, k_marker_suffix);
    if (!marker) return fail(std::move(marker.error()));
    auto path = marker->path().substr(0, marker->path().size() - k_marker_suffix.size());
    PrivateDirectory directory(fs, std::move(*marker).release(), std::move(path));
    if (auto made = fs.make_directory(directory.path_); !made) return fail(std::move(made.error()));
    if (manifest == nullptr) return directory;

    directory.key_ = manifest->key;
    using How = PrivateDirectory::Placed::How;
    for (const auto& part : manifest->parts) {
        const auto target = os::join(directory.path_, part.name);
        // A link counts as a write, which a read-only larder must not get.
        if (context.access == Access::read_write) {
            const auto object = open_verified(context, manifest->key, part, policy);
            if (!object) return fail(object.error());
            if (const auto stamp = link_object(context, *object, part, target)) {
                directory.placed_.push_back({part, *stamp, How::linked});
                continue;
            }
        }
        const auto stamp = copy_object(context, manifest->key, part, target);
        if (!stamp) return fail(stamp.error());
        directory.placed_.push_back({part, *stamp, How::copied});
    }
    return directory;
}

Result<std::size_t> add_parts(Context& context, PrivateDirectory& directory,
                              const Manifest& manifest) {
    auto& fs = context.fs();
    std::size_t added = 0;
    for (const auto& part : manifest.parts) {
        const auto target = os::join(directory.path_, part.name);
        if (fs.link_info(target)) continue;
        const auto unfinished = target + std::string(k_unfinished_suffix);
        const auto stamp = copy_object(context, manifest.key, part, unfinished);
        // The device may be looking for the file: it finds all of it, or nothing.
        auto done = stamp ? fs.rename(unfinished, target) : fail(stamp.error());
        if (!done) {
            static_cast<void>(fs.remove(unfinished));
            return fail(std::move(done.error()));
        }
        std::erase_if(directory.placed_,
                      [&](const auto& placed) { return placed.part.name == part.name; });
        using How = PrivateDirectory::Placed::How;
        directory.placed_.push_back({part, *stamp, How::copied});
        ++added;
    }
    return added;
}

void PrivateDirectory::note_kept(const Harvest& harvest, const Manifest& manifest) {
    key_ = manifest.key;
    std::erase_if(placed_, [&](const Placed& placed) {
        const auto is_it = [&](const std::string& name) { return name == placed.part.name; };
        return harvest.stamps.contains(placed.part.name) ||
               std::ranges::any_of(harvest.removed, is_it);
    });
    for (const auto& part : manifest.parts) {
        const auto stamp = harvest.stamps.find(part.name);
        if (stamp == harvest.stamps.end()) continue;
        placed_.push_back({part, stamp->second, Placed::How::copied});
    }
}

Result<Harvest> harvest(Context& context, const PrivateDirectory& directory) {
    auto& fs = context.fs();
    const auto entries = fs.list(directory.path_);
    if (!entries) return fail(entries.error());
    Harvest harvest;
    // The device may still be writing.
    const auto being_written = os::OpenFiles::read();
    for (const auto& entry : *entries) {
        if (entry.kind != os::FileKind::regular || !format::is_file_name(entry.name)) continue;
        const auto path = os::join(directory.path_, entry.name);
        const auto info = fs.link_info(path);
        if (!info) return fail(info.error());
        const auto placed =
            std::find_if(directory.placed_.begin(), directory.placed_.end(),
                         [&](const auto& each) { return each.part.name == entry.name; });
        if (placed != directory.placed_.end()) {
            if (is_untouched(placed->stamp, info->stamp)) {
                harvest.kept.push_back(placed->part);
                continue;
            }
            const bool written_through = placed->how == PrivateDirectory::Placed::How::linked &&
                                         placed->stamp.inode == info->stamp.inode;
            if (written_through) {
                // The object itself was changed, in spite of its mode.
                auto aside =
                    quarantine_object(context, directory.key_, placed->part.object, info->stamp);
                if (!aside) return fail(std::move(aside.error()));
            }
        }
        if (being_written.contains(info->stamp)) continue;
        harvest.fresh.push_back(copy_of(fs, entry.name, path));
        harvest.stamps[entry.name] = info->stamp;
    }
    for (const auto& placed : directory.placed_) {
        const auto is_it = [&](const auto& entry) { return entry.name == placed.part.name; };
        if (std::none_of(entries->begin(), entries->end(), is_it)) {
            harvest.removed.push_back(placed.part.name);
        }
    }
    return harvest;
}

}  // namespace larder::internal::store
