#include "store/objects/quarantine.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "store/disk/locks.h"
#include "store/disk/manifest_file.h"
#include "store/objects/trials.h"

namespace larder::internal::store {
namespace {

// The quarantine is for people to look at, and must not fill the disk.
constexpr std::size_t k_quarantined_files_max = 16;
// Manifests are small, and say what can be compiled anew.
constexpr std::size_t k_quarantined_entries_max = 1024;
constexpr std::uint64_t k_quarantined_bytes_max = std::uint64_t{2} << 30;

bool is_same_file(const os::FileStamp& a, const os::FileStamp& b) {
    // Ignores ctime, which changes with every link to the file.
    return a.device == b.device && a.inode == b.inode && a.size_bytes == b.size_bytes &&
           a.mtime_ns == b.mtime_ns;
}

std::string to_text(const os::FileStamp& stamp) {
    std::string text = "1";
    for (const auto value : {stamp.device, stamp.inode, stamp.size_bytes}) {
        text += " " + std::to_string(value);
    }
    return text + " " + std::to_string(stamp.mtime_ns) + " " + std::to_string(stamp.ctime_ns) +
           "\n";
}

// Always keeps the newest file, whatever its size.
void trim_quarantine(Context& context) {
    auto& fs = context.fs();
    const auto folder = context.layout.quarantine();
    const auto entries = fs.list(folder);
    if (!entries) return;
    struct Item {
        std::string path;
        os::FileInfo info;
    };
    std::vector<Item> items;
    for (const auto& entry : *entries) {
        const auto path = os::join(folder, entry.name);
        if (const auto info = fs.link_info(path)) items.push_back({path, *info});
    }
    // Moving a file into quarantine sets its ctime.
    std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
        return a.info.stamp.ctime_ns > b.info.stamp.ctime_ns;
    });
    std::uint64_t bytes = 0;
    std::size_t entries_set_aside = 0;
    std::size_t files = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (items[i].path.ends_with(Layout::k_set_aside_suffix)) {
            if (++entries_set_aside <= k_quarantined_entries_max) continue;
        } else {
            bytes += items[i].info.allocated_bytes;
            const bool is_newest = files++ == 0;
            if (is_newest) continue;
            if (files <= k_quarantined_files_max && bytes <= k_quarantined_bytes_max) continue;
        }
        static_cast<void>(items[i].info.kind == os::FileKind::directory
                              ? os::remove_tree(fs, items[i].path)
                              : fs.remove(items[i].path));
    }
}

Result<void> move_to_quarantine(Context& context, const std::string& path,
                                const std::string& name) {
    auto& fs = context.fs();
    const auto target = os::join(context.layout.quarantine(), name);
    auto moved = fs.rename(path, target);
    if (moved || moved.error().code != Errc::not_found) return moved;
    if (auto made = ensure_directory(fs, context.layout.quarantine()); !made) return made;
    return fs.rename(path, target);
}

Result<void> distrust(Context& context, const Digest& object,
                      const std::optional<os::FileStamp>& seen) {
    auto& fs = context.fs();
    if (!context.notes) return require_writable(context);
    const auto info = fs.info(context.layout.object(object));
    if (!info) {
        if (info.error().code == Errc::not_found) return {};
        return fail(info.error());
    }
    if (seen && !is_same_file(*seen, info->stamp)) return {};
    const auto path = context.notes->distrusted(object);
    if (auto made = os::make_directories(fs, os::parent_directory(path)); !made) return made;
    const auto file = fs.open(path, os::OpenMode::create_or_open);
    if (!file) return fail(file.error());
    // A torn mark counts as none: the fault of the object is then found once more.
    const auto text = to_text(info->stamp);
    return (*file)->write_at(0, std::as_bytes(std::span(text)));
}

bool names_object(const Manifest& manifest, const Digest& object) {
    return std::any_of(manifest.parts.begin(), manifest.parts.end(),
                       [&](const Part& part) { return part.object == object; });
}

Result<void> set_aside(Context& context, const std::optional<Key>& key, const Digest& object,
                       const std::optional<os::FileStamp>& seen) {
    auto& fs = context.fs();
    // No process publishes behind the exclusive gate: the file that is checked here is the one that
    // is moved.
    const auto gate = Gate::enter(context, os::LockMode::exclusive, k_gate_quarantine_timeout);
    if (!gate) return fail(gate.error());
    const auto path = context.layout.object(object);
    const auto info = fs.link_info(path);
    if (info) {
        if (seen && !is_same_file(*seen, info->stamp)) return {};
        const auto name = object.hex() + "." + make_nonce(context);
        // C8: nothing is synced. After power loss the object is back, and its fault is found again.
        if (auto moved = move_to_quarantine(context, path, name); !moved) return moved;
        static_cast<void>(fs.rename(
            context.layout.chunks(object),
            os::join(context.layout.quarantine(), name + std::string(Layout::k_chunks_suffix))));
        trim_quarantine(context);
    } else if (info.error().code != Errc::not_found) {
        return fail(info.error());
    }
    forget_trials(context, object);
    if (!key) return {};
    const auto manifest = read_manifest(context, *key);
    if (!manifest || !names_object(*manifest, object)) return {};
    const auto entry = context.layout.entry(*key);
    const auto target = os::file_name(context.layout.entry_set_aside(*key));
    if (move_to_quarantine(context, entry, target)) return {};
    return fs.remove(entry);
}

}  // namespace

Result<void> quarantine_object(Context& context, const std::optional<Key>& key,
                               const Digest& object, const std::optional<os::FileStamp>& seen) {
    if (context.access == Access::read_only) {
        if (auto noted = distrust(context, object, seen); !noted) return noted;
        forget_trials(context, object);
        return {};
    }
    auto aside = set_aside(context, key, object, seen);
    // The file is another user's, in a directory with restricted deletion.
    if (!aside && aside.error().code == Errc::permission_denied && context.notes) {
        return distrust(context, object, seen);
    }
    return aside;
}

Result<void> quarantine_manifest(Context& context, const Key& key) {
    const auto gate = Gate::enter(context, os::LockMode::exclusive, k_gate_quarantine_timeout);
    if (!gate) return fail(gate.error());
    const auto manifest = read_manifest(context, key);
    if (manifest || manifest.error().code != Errc::damaged) return {};
    const auto path = context.layout.entry(key);
    if (auto moved =
            move_to_quarantine(context, path, os::file_name(path) + "." + make_nonce(context));
        !moved) {
        return moved;
    }
    trim_quarantine(context);
    return {};
}

bool is_distrusted(const Context& context, const Digest& object) {
    if (!context.notes) return false;
    const auto noted = os::read_text(context.fs(), context.notes->distrusted(object), 4096);
    if (!noted) return false;
    const auto info = context.fs().info(context.layout.object(object));
    return info && *noted == to_text(info->stamp);
}

Result<std::vector<Manifest>> entries_set_aside(const Context& context) {
    std::vector<Manifest> manifests;
    const auto files = context.fs().list(context.layout.quarantine());
    if (!files) {
        if (files.error().code == Errc::not_found) return manifests;
        return fail(files.error());
    }
    for (const auto& file : *files) {
        std::string_view name = file.name;
        if (!name.ends_with(Layout::k_set_aside_suffix)) continue;
        name.remove_suffix(Layout::k_set_aside_suffix.size());
        const auto key = Key::from_hex(name);
        if (!key || context.fs().link_info(context.layout.entry(*key))) continue;
        const auto text = os::read_text(context.fs(), context.layout.entry_set_aside(*key),
                                        format::k_manifest_bytes_max);
        if (!text) continue;
        auto manifest = format::decode_manifest(*text, *key);
        if (manifest) manifests.push_back(std::move(*manifest));
    }
    return manifests;
}

bool is_entry_set_aside(const Context& context, const Key& key) {
    return context.fs().link_info(context.layout.entry_set_aside(key)).has_value();
}

void forget_entry_set_aside(Context& context, const Key& key) {
    static_cast<void>(context.fs().remove(context.layout.entry_set_aside(key)));
}

}  // namespace larder::internal::store
