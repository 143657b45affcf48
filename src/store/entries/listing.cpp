#include "store/entries/listing.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "base/parallel.h"
#include "store/disk/walk.h"
#include "store/entries/marks.h"

namespace larder::internal::store {
namespace {

// Tells whether a file in quarantine belongs to another one there.
bool is_companion(std::string_view name) {
    return name.ends_with(Layout::k_chunks_suffix) || name.ends_with(Layout::k_set_aside_suffix);
}

// Fills in the fields that follow from its key and path.
void read(const Context& context, ManifestDetail detail, format::SharedInputs& shared,
          ListedEntry& entry) {
    const auto file = os::read_text_file(context.fs(), entry.path, format::k_manifest_bytes_max);
    if (!file) {
        entry.manifest = fail(file.error());
        return;
    }
    if (detail == ManifestDetail::summary) {
        auto summary = format::summarise_manifest(file->text, shared);
        if (summary && summary->manifest.key == entry.key) {
            entry.manifest = std::move(summary->manifest);
            entry.built_for = std::move(summary->built_for);
        }
    }
    if (!entry.manifest) {
        entry.manifest = format::decode_manifest(file->text, entry.key);
        if (!entry.manifest) {
            entry.manifest.error().path = entry.path;
            return;
        }
        entry.built_for = shared.of_build(entry.manifest->key_inputs);
    }
    entry.used_at_ns = use_marked(*entry.manifest, file->info.stamp.mtime_ns);
}

// Calls `count(name, info)` for each file of one of the 256 directories.
template <class Count>
Result<void> add_directory(const Context& context, const std::string& directory,
                           const Count& count) {
    if (os::file_name(directory).size() != 2) return {};
    const auto files = list_if_there(context, directory);
    if (!files) return fail(files.error());
    for (const auto& file : *files) {
        const auto info = context.fs().link_info(os::join(directory, file.name));
        if (info) count(file.name, *info);
    }
    return {};
}

}  // namespace

Result<void> for_each_entry(Context& context, const std::function<Continue(ListedEntry&)>& visit,
                            ManifestDetail detail) {
    const auto directories = list_if_there(context, context.layout.entries());
    if (!directories) return fail(directories.error());
    format::SharedInputs shared;
    std::mutex mutex;
    std::atomic<bool> ended = false;
    // Directories are read in parallel; `visit` is called by one thread at a time.
    return parallel_for(directories->size(), context.threads, [&](std::uint64_t i) -> Result<void> {
        const auto& name = (*directories)[i].name;
        if (name.size() != 2 || ended) return {};
        const auto directory = os::join(context.layout.entries(), name);
        const auto files = list_if_there(context, directory);
        if (!files) return fail(files.error());
        std::deque<ListedEntry> entries;
        for (const auto& file : *files) {
            const auto key = key_in_name(file.name);
            if (!key) continue;
            auto& entry = entries.emplace_back(*key, os::join(directory, file.name));
            read(context, detail, shared, entry);
            // The entry was removed since the directory was listed.
            const bool gone = !entry.manifest && entry.manifest.error().code == Errc::not_found;
            if (gone) entries.pop_back();
        }
        const std::lock_guard lock(mutex);
        for (auto& entry : entries) {
            if (ended) return {};
            if (visit(entry) == Continue::no) ended = true;
        }
        return {};
    });
}

Result<std::vector<Key>> find_keys(Context& context, std::string_view prefix) {
    if (prefix.size() > 2 * Digest::k_size_bytes || !is_hex(prefix)) {
        return fail(Errc::invalid_argument, "'" + std::string(prefix) + "' is not part of a key",
                    {}, "use the first lower-case hexadecimal digits of one");
    }
    std::vector<Key> keys;
    const auto add = [&](const os::DirectoryEntry& file) {
        const auto key = key_in_name(file.name);
        if (key && file.name.starts_with(prefix)) keys.push_back(*key);
        return Continue::yes;
    };
    if (prefix.size() < 2) {
        auto walked = for_each_file(
            context, context.layout.entries(),
            [&](const std::string&, const os::DirectoryEntry& file) { return add(file); });
        if (!walked) return fail(std::move(walked.error()));
    } else {
        const auto files =
            list_if_there(context, os::join(context.layout.entries(), prefix.substr(0, 2)));
        if (!files) return fail(files.error());
        for (const auto& file : *files) add(file);
    }
    std::sort(keys.begin(), keys.end());
    return keys;
}

Result<Totals> measure(Context& context) {
    auto& fs = context.fs();
    Totals totals;
    std::mutex mutex;
    // Adds up the directories of `entries` or of `objects` on several threads.
    const auto add = [&](const std::string& folder, const auto& count) -> Result<void> {
        const auto directories = list_if_there(context, folder);
        if (!directories) return fail(directories.error());
        return parallel_for(directories->size(), context.threads, [&](std::uint64_t i) {
            return add_directory(context, os::join(folder, (*directories)[i].name), count);
        });
    };
    auto walked = add(context.layout.entries(), [&](const std::string& name, const auto& info) {
        if (!key_in_name(name)) return;
        const std::scoped_lock lock(mutex);
        ++totals.entries;
        totals.disk_bytes += info.allocated_bytes;
    });
    if (!walked) return fail(std::move(walked.error()));
    walked = add(context.layout.objects(), [&](const std::string& name, const auto& info) {
        const bool is_object = digest_in_name(name).has_value();
        const std::scoped_lock lock(mutex);
        totals.disk_bytes += info.allocated_bytes;
        if (!is_object) return;
        ++totals.objects;
        totals.object_bytes += info.stamp.size_bytes;
    });
    if (!walked) return fail(std::move(walked.error()));
    const auto quarantined = list_if_there(context, context.layout.quarantine());
    if (!quarantined) return fail(quarantined.error());
    for (const auto& file : *quarantined) {
        const auto info = fs.link_info(os::join(context.layout.quarantine(), file.name));
        if (!info) continue;
        if (!is_companion(file.name)) ++totals.quarantined;
        totals.quarantined_bytes += info->allocated_bytes;
    }
    return totals;
}

}  // namespace larder::internal::store
