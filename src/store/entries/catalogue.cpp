#include "store/entries/catalogue.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/parallel.h"
#include "store/disk/walk.h"

namespace larder::internal::store {
namespace {

Result<std::vector<os::DirectoryEntry>> list_if_there(Context& context, const std::string& path) {
    auto entries = context.fs().list(path);
    if (!entries && entries.error().code == Errc::not_found) return {};
    return entries;
}

CataloguedEntry examine(Context& context, const Key& key, const os::FileInfo& info) {
    CataloguedEntry entry;
    entry.key = key;
    entry.stamp = info.stamp;
    entry.disk_bytes = info.allocated_bytes;
    const auto text =
        os::read_text(context.fs(), context.layout.entry(key), format::k_manifest_bytes_max);
    auto outline = text ? format::outline_manifest(*text) : std::nullopt;
    if (!outline) {
        const auto manifest =
            text ? format::decode_manifest(*text, key) : Result<Manifest>(fail(text.error()));
        if (!manifest) {
            // An entry that is damaged or gone uses no object.
            const auto code = manifest.error().code;
            entry.readable = code == Errc::damaged || code == Errc::not_found;
            return entry;
        }
        outline.emplace();
        for (const auto& part : manifest->parts) outline->objects.push_back(part.object);
        outline->compile_ms = manifest->compile_ms;
        outline->created_at_ns = manifest->created_at_ns;
    }
    const std::set<Digest> objects(outline->objects.begin(), outline->objects.end());
    entry.objects.assign(objects.begin(), objects.end());
    entry.compile_ms = outline->compile_ms;
    entry.created_at_ns = outline->created_at_ns;
    return entry;
}

}  // namespace

Result<void> Catalogue::read_entries(Context& context, const std::string& path,
                                     const Folder& before, Folder& now) {
    const auto files = list_if_there(context, path);
    if (!files) return fail(files.error());
    std::map<Key, const CataloguedEntry*> known;
    for (const auto& entry : before.entries) known[entry.key] = &entry;
    for (const auto& file : *files) {
        const auto key = key_in_name(file.name);
        if (!key) continue;
        const auto info = context.fs().link_info(os::join(path, file.name));
        if (!info) {
            if (info.error().code != Errc::not_found) now.unexamined = info.error().path;
            continue;
        }
        const auto found = known.find(*key);
        const bool same =
            found != known.end() && found->second->readable && found->second->stamp == info->stamp;
        now.entries.push_back(same ? *found->second : examine(context, *key, *info));
    }
    return {};
}

Result<void> Catalogue::read_objects(Context& context, const std::string& path,
                                     const Folder& /*before*/, Folder& now) {
    const auto files = list_if_there(context, path);
    if (!files) return fail(files.error());
    std::map<Digest, std::uint64_t> objects;
    for (const auto& file : *files) {
        std::string_view name = file.name;
        if (name.ends_with(Layout::k_chunks_suffix)) {
            name.remove_suffix(Layout::k_chunks_suffix.size());
        }
        const auto object = digest_in_name(name);
        if (!object) continue;
        const auto info = context.fs().link_info(os::join(path, file.name));
        if (info) objects[*object] += info->allocated_bytes;
    }
    now.objects.assign(objects.begin(), objects.end());
    return {};
}

Result<void> Catalogue::scan_folders(Context& context, const std::string& path, Folders& folders,
                                     Read read) {
    const auto listed = list_if_there(context, path);
    if (!listed) return fail(listed.error());
    Folders current;
    for (const auto& each : *listed) {
        if (each.name.size() == 2) current[os::join(path, each.name)];
    }
    std::vector<Folders::value_type*> jobs;
    for (auto& folder : current) jobs.push_back(&folder);
    auto done = parallel_for(jobs.size(), context.threads, [&](std::uint64_t i) -> Result<void> {
        auto& [name, now] = *jobs[i];
        const auto started_at_ns = context.system.clock.wall().count();
        const auto info = context.fs().info(name);
        if (!info && info.error().code != Errc::not_found) {
            now.unexamined = info.error().path;
            return {};
        }
        // A name that is not a directory, or is gone, holds nothing.
        if (!info || info->kind != os::FileKind::directory) return {};
        const auto found = folders.find(name);
        const bool known = found != folders.end();
        if (known && found->second.settled && found->second.stamp == info->stamp) {
            now = std::move(found->second);
            return {};
        }
        now.stamp = info->stamp;
        now.settled = os::is_settled(info->stamp, started_at_ns);
        auto listed_files = read(context, name, known ? found->second : Folder{}, now);
        if (!now.unexamined.empty()) now.settled = false;
        return listed_files;
    });
    folders = std::move(current);
    return done;
}

Result<void> Catalogue::scan_quarantine(Context& context) {
    quarantined_.clear();
    const auto files = list_if_there(context, context.layout.quarantine());
    if (!files) return fail(files.error());
    for (const auto& file : *files) {
        const auto path = os::join(context.layout.quarantine(), file.name);
        const auto info = context.fs().link_info(path);
        // Moving a file into quarantine sets its ctime.
        if (info) quarantined_.push_back({path, info->allocated_bytes, info->stamp.ctime_ns});
    }
    std::sort(quarantined_.begin(), quarantined_.end(),
              [](const SetAside& a, const SetAside& b) { return a.since_ns < b.since_ns; });
    return {};
}

void Catalogue::sum_up() {
    entries_.clear();
    objects_.clear();
    unreadable_.clear();
    total_bytes_ = 0;
    for (const auto& [path, folder] : entry_folders_) {
        if (!folder.unexamined.empty()) unreadable_ = folder.unexamined;
        for (const auto& entry : folder.entries) {
            if (!entry.readable) unreadable_ = os::join(path, entry.key.hex() + ".json");
            entries_.push_back(&entry);
            total_bytes_ += entry.disk_bytes;
        }
    }
    for (const auto& [path, folder] : object_folders_) {
        if (!folder.unexamined.empty()) unreadable_ = folder.unexamined;
        for (const auto& [object, bytes] : folder.objects) {
            objects_[object] = bytes;
            total_bytes_ += bytes;
        }
    }
    for (const auto& file : quarantined_) total_bytes_ += file.disk_bytes;
}

Result<void> Catalogue::scan(Context& context) {
    // Plans made from an earlier scan point into these.
    entries_.clear();
    auto done = scan_folders(context, context.layout.entries(), entry_folders_, read_entries);
    if (done) {
        done = scan_folders(context, context.layout.objects(), object_folders_, read_objects);
    }
    if (done) done = scan_quarantine(context);
    if (done) sum_up();
    return done;
}

}  // namespace larder::internal::store
