#include "store/store.h"

#include <utility>

#include "store/compression/compressed_object.h"
#include "store/compression/compression.h"
#include "store/disk/context.h"
#include "store/disk/tmp_file.h"
#include "store/entries/listing.h"
#include "store/entries/lookup.h"
#include "store/entries/marks.h"
#include "store/entries/pins.h"
#include "store/limit/eviction.h"
#include "store/limit/removal.h"
#include "store/objects/objects.h"
#include "store/objects/quarantine.h"
#include "store/publish/durability.h"
#include "store/read_ahead.h"
#include "store/references/family.h"
#include "store/references/referring.h"
#include "store/verify.h"

namespace larder::internal::store {

Store::Store(std::unique_ptr<Context> context) : context_(std::move(context)) {}

Store::~Store() = default;

const std::string& Store::directory() const { return context_->layout.root(); }

const std::string& Store::id() const { return context_->id; }

Access Store::access() const { return context_->access; }

const std::optional<Error>& Store::read_only_reason() const { return context_->read_only_reason; }

Lookup Store::find(const Key& key) { return find_entry(*context_, key); }

Result<MappedObject> Store::open_object(const Key& key, const Part& part, Verify policy) {
    return map_object(*context_, key, part, policy);
}

Result<MappedObject> Store::open_blob(const Manifest& manifest, Verify policy,
                                      const SourceFinder& find, const ReadProgress& progress) {
    const auto visit = counting(progress);
    switch (manifest.encoding) {
        case Encoding::variant:
            return fail(
                Errc::unsupported,
                "an earlier version of larder wrote it in an encoding that is no longer supported");
        case Encoding::compressed: return map_compressed(*context_, manifest, policy, visit);
        case Encoding::referring: return map_referring(*context_, manifest, policy, find, visit);
        case Encoding::raw:
        case Encoding::encrypted:
        case Encoding::files: break;
    }
    return map_object(*context_, manifest.key, manifest.own_part(), policy, visit);
}

std::vector<MappedObject> Store::shareable(std::span<const Digest> families) {
    return map_families(*context_, families);
}

Result<std::uint64_t> Store::read_ahead(const Digest& object, std::uint64_t bytes_max,
                                        const std::function<Continue()>& step) {
    return store::read_ahead(*context_, object, bytes_max, step);
}

Result<std::uint64_t> Store::read_model_ahead(const Key& key, std::uint64_t bytes_max,
                                              const std::function<Continue()>& step) {
    return store::read_model_ahead(*context_, key, bytes_max, step);
}

Result<void> Store::quarantine(const Key& key, const Part& part, std::string_view reason,
                               const std::optional<os::FileStamp>& seen) {
    context_->log.debug("setting aside " + part.object.hex() + ": " + std::string(reason));
    return quarantine_object(*context_, key, part.object, seen);
}

Result<std::vector<Manifest>> Store::entries_set_aside() const {
    return store::entries_set_aside(*context_);
}

bool Store::is_entry_set_aside(const Key& key) const {
    return store::is_entry_set_aside(*context_, key);
}

void Store::forget_entry_set_aside(const Key& key) {
    store::forget_entry_set_aside(*context_, key);
}

Result<CompileLock> Store::compile_lock(const Key& key, std::chrono::nanoseconds timeout,
                                        std::string_view purpose) {
    return take_compile_lock(*context_, key, timeout, purpose);
}

bool Store::is_compile_locked(const Key& key) const {
    return store::is_compile_locked(*context_, key);
}

std::optional<CompileLockHolder> Store::compile_lock_holder(const Key& key) const {
    return store::compile_lock_holder(*context_, key);
}

std::vector<CompileLockHolder> Store::compile_lock_holders() const {
    return store::compile_lock_holders(*context_);
}

Result<std::shared_ptr<WrittenPart>> Store::write(const PartSource& source) {
    return store::write(*context_, source);
}

Result<void> Store::make_durable(const Key& key) { return sync_entry(*context_, key); }

Result<Manifest> Store::publish(const Publication& publication) {
    return store::publish(*context_, publication);
}

Result<std::unique_ptr<os::File>> Store::open_staged(const Part& part) {
    return store::open_staged(*context_, part);
}

bool Store::has_object(const Digest& object) const {
    return context_->fs().link_info(context_->layout.object(object)).has_value();
}

bool Store::is_object(const Digest& object, os::File& file) {
    return names(context_->fs(), context_->layout.object(object), file).value_or(false);
}

bool Store::has_room(std::uint64_t bytes) { return store::has_room(*context_, bytes); }

Result<bool> Store::locks_exclude() { return store::locks_exclude(*context_); }

Result<Presence> Store::announce(const Key& key) { return store::announce(*context_, key); }

std::uint64_t Store::count_announced_by_others(const Key& key,
                                               const std::set<std::string>& own_paths) {
    return store::count_announced_by_others(*context_, key, own_paths);
}

Result<Trial> Store::begin_trial(const Digest& subject) {
    return store::begin_trial(*context_, subject);
}

Result<CrashCount> Store::count_crashes(const Digest& subject) {
    return store::count_crashes(*context_, subject);
}

Result<void> Store::mark_proven(const Digest& object) {
    return store::mark_proven(*context_, object);
}

bool Store::is_proven(const Digest& object) { return store::is_proven(*context_, object); }

Result<PrivateDirectory> Store::materialise(const Manifest* manifest, Verify policy) {
    return store::materialise(*context_, manifest, policy);
}

Result<std::size_t> Store::add_parts(PrivateDirectory& directory, const Manifest& manifest) {
    return store::add_parts(*context_, directory, manifest);
}

Result<Harvest> Store::harvest(const PrivateDirectory& directory) {
    return store::harvest(*context_, directory);
}

Result<ScratchFile> Store::scratch_file(std::string_view suffix) {
    const auto layout = writable_layout(*context_);
    if (!layout) return fail(layout.error());
    auto file = TmpFile::create(*context_, **layout, "scratch", suffix, Readers::of_the_lock);
    if (!file) return fail(std::move(file.error()));
    return ScratchFile(context_->fs(), std::move(*file).release());
}

Result<void> Store::for_each_entry(const std::function<Continue(ListedEntry&)>& visit,
                                   ManifestDetail detail) {
    return store::for_each_entry(*context_, visit, detail);
}

std::int64_t Store::used_at_ns(const Manifest& manifest) {
    const auto info = context_->fs().link_info(context_->layout.entry(manifest.key));
    return info ? use_marked(manifest, info->stamp.mtime_ns) : 0;
}

Result<std::vector<Key>> Store::find_keys(std::string_view prefix) {
    return store::find_keys(*context_, prefix);
}

Result<Totals> Store::totals() { return measure(*context_); }

Result<VerifyReport> Store::verify(std::span<const Key> keys, const ProgressCallback& progress,
                                   const VerifyOptions& options) {
    return verify_entries(*context_, keys, progress, options);
}

Result<Removal> Store::remove(std::span<const Key> keys, DryRun dry_run) {
    return remove_entries(*context_, keys, dry_run);
}

Result<Pruning> Store::prune(const PruneRules& rules, DryRun dry_run) {
    return store::prune(*context_, rules, dry_run);
}

Result<Recoding> Store::compress(const CompressRules& rules, DryRun dry_run,
                                 const ProgressCallback& progress) {
    return compress_entries(*context_, rules, dry_run, progress);
}

Result<Recoding> Store::decompress(std::span<const Key> keys, DryRun dry_run,
                                   const ProgressCallback& progress) {
    return decompress_entries(*context_, keys, dry_run, progress);
}

Result<void> Store::pin(const Key& key) { return store::pin(*context_, key); }

Result<void> Store::unpin(const Key& key) { return store::unpin(*context_, key); }

Result<std::set<Key>> Store::pinned() { return pinned_keys(*context_); }

std::uint64_t Store::limit_bytes() { return store::limit_bytes(*context_); }

Result<std::map<Key, std::int64_t>> Store::last_uses() { return store::last_uses(*context_); }

void Store::mark_used(const Key& key) noexcept { store::mark_used(*context_, key); }

}  // namespace larder::internal::store
