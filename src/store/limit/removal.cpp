#include "store/limit/removal.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "store/disk/locks.h"
#include "store/disk/manifest_file.h"
#include "store/disk/walk.h"
#include "store/limit/account.h"
#include "store/objects/quarantine.h"
#include "store/objects/trials.h"

namespace larder::internal::store {
namespace {

std::uint64_t disk_bytes(const Context& context, const std::string& path) {
    const auto info = context.fs().link_info(path);
    return info ? info->allocated_bytes : 0;
}

Result<void> remove_if_there(const Context& context, const std::string& path) {
    auto removed = context.fs().remove(path);
    if (!removed && removed.error().code == Errc::not_found) return {};
    return removed;
}

// To be called behind the exclusive gate. Nothing is synced: after power loss an object may be
// back, which the next collection of garbage finds.
Result<void> remove_objects(Context& context, std::span<const Digest> objects, DryRun dry_run,
                            Removal& removal) {
    for (const auto& object : objects) {
        const auto path = context.layout.object(object);
        const auto chunks = context.layout.chunks(object);
        const auto info = context.fs().link_info(path);
        const auto bytes = disk_bytes(context, path) + disk_bytes(context, chunks);
        if (dry_run == DryRun::no) {
            if (auto removed = remove_if_there(context, path); !removed) return removed;
            static_cast<void>(remove_if_there(context, chunks));
            forget_trials(context, object);
        }
        if (info) ++removal.removed_objects;
        removal.freed_bytes += bytes;
    }
    return {};
}

void say_held_back(Context& context) {
    context.log.warn_once("held back",
                          "no object was removed: an entry that this larder cannot read, such as "
                          "one of a newer version, may use any of them; larder verify names it");
}

Result<void> remove_manifests(Context& context, const std::set<Key>& keys, DryRun dry_run,
                              Removal& removal) {
    std::set<std::string> directories;
    for (const auto& key : keys) {
        const auto path = context.layout.entry(key);
        if (auto manifest = read_manifest(context, key)) {
            removal.entries.push_back(std::move(*manifest));
        }
        removal.freed_bytes += disk_bytes(context, path);
        if (dry_run == DryRun::no) {
            if (auto removed = remove_if_there(context, path); !removed) return removed;
            forget_trials(context, key.digest);
            forget_entry_set_aside(context, key);
            directories.insert(os::parent_directory(path));
        }
        ++removal.removed_entries;
    }
    for (const auto& directory : directories) {
        // C7: before the objects, so that an entry that is back after power loss has them still.
        if (auto synced = context.fs().sync_directory(directory); !synced) return synced;
    }
    return {};
}

}  // namespace

Result<std::optional<Gate>> enter_to_remove(Context& context, DryRun dry_run) {
    if (dry_run == DryRun::yes) return std::nullopt;
    if (auto writable = require_writable(context); !writable) return fail(writable.error());
    auto gate = Gate::enter(context, os::LockMode::exclusive, k_gate_remove_timeout);
    if (!gate) return fail(std::move(gate.error()));
    return std::optional(std::move(*gate));
}

Result<void> take_away(Context& context, const std::set<Key>& entries,
                       std::span<const Digest> objects, DryRun dry_run, Removal& removal) {
    const auto before = removal.freed_bytes;
    auto removed = remove_manifests(context, entries, dry_run, removal);
    if (removed) removed = remove_objects(context, objects, dry_run, removal);
    if (removed && dry_run == DryRun::no) take_off(context, removal.freed_bytes - before);
    return removed;
}

Result<void> References::scan(Context& context) {
    std::map<Key, Seen> current;
    bool all_examined = true;
    const auto visit = [&](const std::string& directory, const os::DirectoryEntry& file) {
        const auto key = key_in_name(file.name);
        if (!key) return Continue::yes;
        const auto info = context.fs().link_info(os::join(directory, file.name));
        if (!info) {
            if (info.error().code != Errc::not_found) all_examined = false;
            return Continue::yes;
        }
        const auto known = entries_.find(*key);
        if (known != entries_.end() && known->second.readable &&
            known->second.stamp == info->stamp) {
            current.insert(entries_.extract(known));
            return Continue::yes;
        }
        Seen seen{info->stamp, {}, true};
        const auto manifest = read_manifest(context, *key);
        if (manifest) {
            for (const auto& part : manifest->parts) seen.objects.push_back(part.object);
        } else {
            seen.readable =
                manifest.error().code == Errc::damaged || manifest.error().code == Errc::not_found;
        }
        current.emplace(*key, std::move(seen));
        return Continue::yes;
    };
    if (auto walked = for_each_file(context, context.layout.entries(), visit); !walked) {
        return walked;
    }
    entries_ = std::move(current);
    users_.clear();
    complete_ = all_examined;
    for (const auto& [key, seen] : entries_) {
        if (!seen.readable) complete_ = false;
        for (const auto& object : seen.objects) users_[object].insert(key);
    }
    return {};
}

const std::vector<Digest>& References::objects_of(const Key& key) const {
    static const std::vector<Digest> none;
    const auto found = entries_.find(key);
    return found == entries_.end() ? none : found->second.objects;
}

bool References::is_used(const Digest& object, const std::set<Key>& besides) const {
    const auto found = users_.find(object);
    return found != users_.end() && !std::includes(besides.begin(), besides.end(),
                                                   found->second.begin(), found->second.end());
}

Result<Removal> remove_entries(Context& context, std::span<const Key> keys, DryRun dry_run) {
    const std::set<Key> doomed(keys.begin(), keys.end());
    References references;
    const auto gate = scan_and_enter(context, dry_run, references);
    if (!gate) return fail(gate.error());
    std::set<Digest> unused;
    for (const auto& key : doomed) {
        if (const auto info = context.fs().link_info(context.layout.entry(key)); !info) {
            return fail(info.error());
        }
        for (const auto& object : references.objects_of(key)) {
            if (!references.is_used(object, doomed)) unused.insert(object);
        }
    }
    if (!references.complete()) {
        say_held_back(context);
        unused.clear();
    }
    Removal removal;
    const std::vector<Digest> objects(unused.begin(), unused.end());
    if (auto removed = take_away(context, doomed, objects, dry_run, removal); !removed) {
        return fail(std::move(removed.error()));
    }
    return removal;
}

void reclaim(Context& context, std::span<const Digest> objects) noexcept {
    References references;
    if (!references.scan(context)) return;
    const auto gate = Gate::enter(context, os::LockMode::exclusive, k_gate_reclaim_timeout);
    if (!gate || !references.scan(context) || !references.complete()) return;
    std::vector<Digest> unused;
    for (const auto& object : objects) {
        if (!references.is_used(object)) unused.push_back(object);
    }
    Removal removal;
    static_cast<void>(take_away(context, {}, unused, DryRun::no, removal));
}

}  // namespace larder::internal::store
