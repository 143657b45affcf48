// Compresses blobs that are rarely used.
#include "store/compression/compression.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "store/compression/packing.h"
#include "store/compression/recoding.h"
#include "store/disk/manifest_file.h"
#include "store/limit/eviction_plan.h"
#include "store/objects/objects.h"

namespace larder::internal::store {
namespace {

// Entries with the same bytes: they are compressed together or not at all.
struct Group {
    Part blob;
    std::vector<Manifest> entries;

    [[nodiscard]] std::set<Key> keys() const {
        std::set<Key> keys;
        for (const auto& entry : entries) keys.insert(entry.key);
        return keys;
    }
};

class Compression {
public:
    Compression(Context& context, DryRun dry_run, const ProgressCallback& progress)
        : context_(context), recoder_(context, dry_run, progress), report_(recoder_.report()) {}

    Result<Recoding> run(const CompressRules& rules) {
        const auto begun = recoder_.begin();
        if (!begun) return fail(begun.error());
        if (!*begun) return std::move(report_);
        auto chosen = choose(rules);
        if (!chosen) return fail(std::move(chosen.error()));
        for (const auto& group : groups_) recoder_.expect(group.blob.bytes);
        for (const auto& group : groups_) {
            if (auto done = compress(group); !done) return fail(std::move(done.error()));
            if (recoder_.ended()) break;
        }
        return std::move(report_);
    }

private:
    void leave(const Manifest& entry, Unchanged why, std::optional<Error> error = {}) {
        report_.left.push_back({entry, why, std::move(error)});
    }
    void leave(const Group& group, Unchanged why, const std::optional<Error>& error = {}) {
        for (const auto& entry : group.entries) leave(entry, why, error);
    }

    // Finds the entries that the rules name, and groups those that can be compressed. The largest
    // groups come first, so that ending early loses little.
    Result<void> choose(const CompressRules& rules) {
        const auto keys = keys_of(rules);
        if (!keys) return fail(keys.error());
        std::vector<Result<Manifest>> manifests(keys->size(), fail(Errc::io, "not read"));
        auto read = parallel_for(keys->size(), context_.threads, [&](std::uint64_t i) {
            manifests[i] = read_manifest(context_, (*keys)[i]);
            return Result<void>{};
        });
        if (!read) return read;
        std::map<Digest, Group> groups;
        for (auto& manifest : manifests) {
            // The entry was removed meanwhile, or is damaged, which `verify` reports.
            if (!manifest) continue;
            if (manifest->encoding != Encoding::raw) {
                leave(*manifest, Unchanged::encoding);
                continue;
            }
            auto& group = groups[manifest->parts.front().object];
            group.blob = manifest->parts.front();
            group.entries.push_back(std::move(*manifest));
        }
        const auto users = users_of(groups);
        for (auto& [object, group] : groups) {
            const auto why = hindrance(group, users.at(object));
            if (why) {
                leave(group, *why);
            } else {
                groups_.push_back(std::move(group));
            }
        }
        std::stable_sort(groups_.begin(), groups_.end(), [](const Group& a, const Group& b) {
            return a.blob.bytes > b.blob.bytes;
        });
        return {};
    }

    Result<std::vector<Key>> keys_of(const CompressRules& rules) {
        std::vector<Key> keys;
        std::map<Key, RequestHistory> requests;
        if (rules.older_than && context_.history != nullptr) {
            requests = context_.history->requests(context_.id);
        }
        const auto now_ns = context_.system.clock.wall().count();
        std::size_t found = 0;
        for (const auto* const entry : recoder_.catalogue().entries()) {
            if (rules.keys && !rules.keys->contains(entry->key)) continue;
            ++found;
            const auto idle_ns = now_ns - history_of(*entry, requests).last_ns;
            if (rules.older_than && idle_ns <= rules.older_than->count()) continue;
            keys.push_back(entry->key);
        }
        if (rules.keys && found != rules.keys->size()) {
            return fail(Errc::not_found,
                        "one of the entries does not exist:", context_.layout.entries());
        }
        return keys;
    }

    // Finds the entries that use each of the groups' objects.
    std::map<Digest, std::vector<Key>> users_of(const std::map<Digest, Group>& groups) {
        std::map<Digest, std::vector<Key>> users;
        for (const auto& [object, group] : groups) users[object];
        for (const auto* const entry : recoder_.catalogue().entries()) {
            for (const auto& object : entry->objects) {
                const auto found = users.find(object);
                if (found != users.end()) found->second.push_back(entry->key);
            }
        }
        return users;
    }

    // Returns the reason why a group must stay as it is, if there is one.
    std::optional<Unchanged> hindrance(const Group& group, const std::vector<Key>& users) {
        const auto keys = group.keys();
        std::optional<Unchanged> why;
        for (const auto& user : users) {
            if (keys.contains(user)) continue;
            const auto manifest = read_manifest(context_, user);
            if (manifest && manifest->encoding == Encoding::referring) return Unchanged::base;
            why = Unchanged::shared;
        }
        return why;
    }

    // Returns only errors that the other groups would meet too.
    Result<void> compress(const Group& group) {
        const auto before = recoder_.disk_bytes(group.blob.object);
        std::size_t done = 0;
        const auto after = recoder_.is_dry_run() ? estimate(group, done) : write(group, done);
        if (done > 0) {
            // If only a part of the group was compressed, the old object is still there.
            const auto now = after ? *after : before;
            for (std::size_t i = 0; i < done; ++i) {
                report_.done.push_back({group.entries[i], before, now});
            }
            report_.before_bytes += before;
            report_.after_bytes += now;
        }
        if (!after && recoder_.ended()) return {};
        if (!after && after.error().code == Errc::read_only) return fail(after.error());
        for (auto i = done; i < group.entries.size(); ++i) {
            leave(group.entries[i], after ? Unchanged::gain : unchanged_by(after.error()),
                  after ? std::nullopt : std::optional(after.error()));
        }
        return {};
    }

    // Returns the size on disk after compression. `done` is set to the number of entries that would
    // be compressed: all, or none if that gains too little.
    Result<std::uint64_t> estimate(const Group& group, std::size_t& done) {
        const auto file =
            context_.fs().open(context_.layout.object(group.blob.object), os::OpenMode::read);
        if (!file) return fail(file.error());
        const auto blob = context_.fs().map(**file, group.blob.bytes);
        if (!blob) return fail(blob.error());
        const auto plan = plan_packing((*blob)->bytes(), context_.threads);
        if (!plan) return fail(plan.error());
        auto bytes = plan->estimated_bytes;
        auto pays_off = surely_pays(group.blob.bytes, bytes);
        if (!pays_off) {
            const auto measured = measure_packed((*blob)->bytes(), *plan, context_.threads);
            if (!measured) return fail(measured.error());
            bytes = *measured;
            pays_off = pays(group.blob.bytes, bytes);
        }
        if (!recoder_.advance(group.blob.bytes)) return fail(Errc::busy, "ended");
        if (*pays_off) done = group.entries.size();
        return disk_bytes_of(bytes);
    }

    // Compresses the group; returns the same figures for what was published.
    Result<std::uint64_t> write(const Group& group, std::size_t& done) {
        const auto keys = group.keys();
        const auto compile_locks = recoder_.take_compile_locks({keys.begin(), keys.end()});
        if (!compile_locks) return fail(compile_locks.error());
        const auto& first = group.entries.front();
        // Verified in full: this is the last time that the raw bytes are read.
        const auto object = open_verified(context_, first.key, group.blob, Verify::always);
        if (!object) return fail(object.error());
        const auto blob = context_.fs().map(*object->file, group.blob.bytes);
        if (!blob) return fail(blob.error());
        const auto plan = plan_packing((*blob)->bytes(), context_.threads);
        if (!plan) return fail(plan.error());
        if (surely_pays(group.blob.bytes, plan->estimated_bytes) == false) {
            if (!recoder_.advance(group.blob.bytes)) return fail(Errc::busy, "ended");
            return plan->estimated_bytes;
        }
        auto outcome = Packed::done;
        Publication publication;
        publication.sources.push_back(source_of(group.blob, (*blob)->bytes(), *plan, outcome));
        for (const auto& entry : group.entries) {
            publication.manifest = entry;
            publication.manifest.encoding = Encoding::compressed;
            publication.manifest.blob_bytes = group.blob.bytes;
            const auto kept = recoder_.replace(publication, entry, keys, true);
            if (outcome == Packed::no_gain) return plan->estimated_bytes;
            if (!kept) return fail(kept.error());
            ++done;
            // The other entries have the same bytes.
            publication.sources.clear();
            publication.kept = kept->parts;
        }
        return recoder_.disk_bytes(publication.kept.front().object);
    }

    PartSource source_of(const Part& part, std::span<const std::byte> blob, const PackingPlan& plan,
                         Packed& outcome) {
        PartSource source;
        source.name = format::k_frames_part;
        source.write = [&, blob](StagedFile& file) -> Result<void> {
            const auto step = [&](std::uint64_t bytes) { return recoder_.advance(bytes); };
            const auto packed = write_packed(blob, part.object, plan, context_.threads, file, step);
            if (!packed) return fail(packed.error());
            outcome = *packed;
            if (*packed != Packed::done) return fail(Errc::busy, "not written to its end");
            return {};
        };
        source.check = [&, blob](os::File& file, const Part& written) {
            return check_packed(file, written.bytes, blob.size(), part.object, context_.threads);
        };
        return source;
    }

    Context& context_;
    Recoder recoder_;
    Recoding& report_;
    std::vector<Group> groups_;
};

}  // namespace

Result<Recoding> compress_entries(Context& context, const CompressRules& rules, DryRun dry_run,
                                  const ProgressCallback& progress) {
    return Compression(context, dry_run, progress).run(rules);
}

}  // namespace larder::internal::store
