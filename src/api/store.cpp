#include "larder/store.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <utility>

#include "api/configuration.h"
#include "api/convert.h"
#include "api/diagnosis.h"
#include "api/staleness.h"
#include "cache/attempt/gain.h"
#include "cache/entries/blame.h"
#include "cache/entries/kernels.h"
#include "cache/entries/notes.h"
#include "cache/session/request.h"
#include "cache/sharing/unpacked.h"
#include "os/system.h"
#include "state/state.h"
#include "store/store.h"

namespace larder {
namespace {

namespace store = internal::store;

// Describes an entry without its history.
EntryInfo describe(store::Manifest manifest,
                   std::shared_ptr<const internal::format::KeyInputs> built_for = nullptr) {
    EntryInfo info;
    info.built_for = built_for ? std::move(built_for)
                               : internal::format::SharedInputs().of_build(manifest.key_inputs);
    info.key = manifest.key.hex();
    info.bytes = manifest.total_bytes();
    info.referred_bytes = manifest.referred_bytes();
    info.weights_kept = internal::cache::note_in(manifest, internal::cache::k_weights_note);
    info.encoding = to_string(manifest.encoding);
    info.unpacked_from = internal::cache::unpacked_from(manifest);
    info.kernels_of = internal::cache::kernels_of(manifest);
    for (auto& part : manifest.parts) {
        info.objects.push_back({std::move(part.name), part.object.hex(), part.bytes});
    }
    info.model = std::move(manifest.model.path);
    info.kind = std::move(manifest.model.kind);
    for (auto& file : manifest.model.files) {
        info.model_files.push_back({std::move(file.role), file.digest.hex(), file.bytes});
    }
    info.device = std::move(manifest.device);
    info.shapes = internal::cache::note_in(manifest, internal::cache::k_shapes_note);
    info.key_inputs = std::move(manifest.key_inputs);
    info.requirements = std::move(manifest.requirements);
    info.without_weights = manifest.weights == internal::format::Weights::external;
    info.created_at = api::time_point(manifest.created_at_ns);
    info.compile_time = std::chrono::milliseconds(manifest.compile_ms);
    info.withheld = internal::cache::note_in(manifest, internal::cache::k_withheld_note);
    if (!info.withheld.empty()) {
        info.lifted_by = internal::cache::lifting_command(manifest);
        info.gains_nothing = internal::cache::is_withheld_for_gain(manifest);
    }
    return info;
}

using Usages = std::map<store::Key, internal::state::Usage>;

void add_usage(EntryInfo& info, const store::Key& key, std::int64_t used_at_ns,
               const Usages& usages) {
    if (used_at_ns != 0) info.last_used_anywhere_at = api::time_point(used_at_ns);
    const auto found = usages.find(key);
    if (found == usages.end()) return;
    info.hits = found->second.hits;
    info.last_used_at = api::time_point(found->second.last_used_at_ns);
    info.last_used_anywhere_at = std::max(info.last_used_anywhere_at, info.last_used_at);
}

const char* word(store::Unchanged why) {
    switch (why) {
        case store::Unchanged::encoding: return "encoding";
        case store::Unchanged::base: return "base";
        case store::Unchanged::shared: return "shared";
        case store::Unchanged::gain: return "gain";
        case store::Unchanged::busy: return "busy";
        case store::Unchanged::failed: return "failed";
    }
    return "";
}

CompressReport public_report(const store::Recoding& recoding) {
    CompressReport report{static_cast<const CompressCounts&>(recoding), {}, {}};
    for (const auto& done : recoding.done) {
        report.entries.push_back({describe(done.before), done.before_bytes, done.after_bytes});
    }
    for (const auto& left : recoding.left) {
        report.unchanged.push_back({describe(left.manifest), word(left.why),
                                    left.error ? left.error->message() : std::string{}});
    }
    return report;
}

using PublicProgress = std::function<bool(std::uint64_t, std::uint64_t)>;

store::ProgressCallback callback_of(const PublicProgress& progress) {
    return [&progress](const store::Progress& now) {
        const bool go_on = !progress || progress(now.bytes_done, now.bytes_total);
        return go_on ? store::Continue::yes : store::Continue::no;
    };
}

}  // namespace

struct Store::Impl {
    explicit Impl(Options given)
        : options(api::configure(std::move(given))),
          log(api::make_log(options)),
          state(system.system(), *log, options.state_directory.string()) {
        const bool may_write = options.mode == Mode::on || options.mode == Mode::refresh;
        is_there = is_larder(options.directory.string());
        const auto access =
            may_write && is_there ? store::Access::read_write : store::Access::read_only;
        opened = api::value_or_throw(store::Store::open(system.system(), *log, state,
                                                        api::open_options(options, state, access)));
        for (const auto& notice : options.notices) log->warn(notice);
    }

    // Looking at a larder does not create one. One that has lost its larder.json is still there.
    [[nodiscard]] bool is_larder(const std::string& directory) const {
        auto& fs = system.system().fs;
        if (fs.info(directory + "/larder.json")) return true;
        const auto entries = fs.list(directory + "/entries");
        return entries && !entries->empty();
    }

    std::vector<store::Key> resolve(const std::vector<std::string>& prefixes) const {
        std::vector<store::Key> keys;
        keys.reserve(prefixes.size());
        for (const auto& prefix : prefixes) keys.push_back(resolve(prefix));
        return keys;
    }

    // Adds the unpacked blocks and the kernels of the entries, which are of no use without them.
    void add_companions(std::vector<store::Key>& keys, const std::set<store::Key>& pinned) const {
        const auto add = [&](const internal::format::KeyInputs& inputs) {
            const auto key = internal::format::key_of(inputs);
            if (!pinned.contains(key) && opened->find(key).manifest) keys.push_back(key);
        };
        for (std::size_t i = 0, count = keys.size(); i < count; ++i) {
            const auto blob = opened->find(keys[i]);
            if (!blob.manifest) continue;
            add(internal::cache::unpacked_inputs(blob.manifest->key_inputs));
            add(internal::cache::kernel_inputs(blob.manifest->key_inputs));
        }
    }

    store::Key resolve(std::string_view prefix) const {
        const std::string text(prefix);
        auto keys = api::value_or_throw(opened->find_keys(prefix));
        if (keys.empty() || text.empty()) {
            throw Error(ErrorCode::not_found, "no entry's key begins with '" + text + "'",
                        "'larder ls' lists the keys");
        }
        if (keys.size() > 1) {
            std::string list;
            for (std::size_t i = 0; i < keys.size() && i < 8; ++i) {
                list += "\n  " + keys[i].hex();
            }
            if (keys.size() > 8) list += "\n  …";
            throw Error(ErrorCode::invalid_argument,
                        "'" + text + "' begins " + std::to_string(keys.size()) + " keys:" + list,
                        "write more characters of the one you mean");
        }
        return keys.front();
    }

    internal::os::RealSystem system;
    api::Configuration options;
    std::unique_ptr<internal::Log> log;
    mutable internal::state::State state;
    std::unique_ptr<store::Store> opened;
    bool is_there = false;
};

Store::Store(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

const std::filesystem::path& Store::directory() const { return impl_->options.directory; }

bool Store::exists() const { return impl_->is_there; }

bool Store::writable() const { return impl_->opened->access() == store::Access::read_write; }

std::vector<EntryInfo> Store::entries(EntryDetail detail) const {
    std::deque<EntryInfo> list;
    const auto how = detail == EntryDetail::summary ? store::ManifestDetail::summary
                                                    : store::ManifestDetail::whole;
    const auto usage = impl_->state.usage(impl_->opened->id());
    const auto add = [&](store::ListedEntry& entry) {
        if (entry.manifest) {
            auto& info =
                list.emplace_back(describe(std::move(*entry.manifest), std::move(entry.built_for)));
            info.detail = detail;
            add_usage(info, entry.key, entry.used_at_ns, usage);
        } else {
            impl_->log->warn_once(entry.path, entry.manifest.error().message());
        }
        return store::Continue::yes;
    };
    api::value_or_throw(impl_->opened->for_each_entry(add, how));
    const auto pinned = api::value_or_throw(impl_->opened->pinned());
    if (!pinned.empty()) {
        for (auto& info : list) info.pinned = pinned.contains(*store::Key::from_hex(info.key));
    }
    // Sorts pointers: entries are large, and each is moved only once.
    std::vector<EntryInfo*> newest_first;
    newest_first.reserve(list.size());
    for (auto& info : list) newest_first.push_back(&info);
    std::ranges::sort(newest_first, [](const EntryInfo* a, const EntryInfo* b) {
        return std::tie(b->created_at, a->key) < std::tie(a->created_at, b->key);
    });
    std::vector<EntryInfo> sorted;
    sorted.reserve(list.size());
    for (auto* info : newest_first) sorted.push_back(std::move(*info));
    return sorted;
}

EntryInfo Store::entry(std::string_view prefix) const {
    const auto key = impl_->resolve(prefix);
    const auto found = impl_->opened->find(key);
    if (!found.manifest) {
        if (found.fault) api::throw_public(*found.fault);
        throw Error(ErrorCode::not_found, "the entry " + key.hex() + " is gone");
    }
    auto info = describe(*found.manifest);
    add_usage(info, key, impl_->opened->used_at_ns(*found.manifest),
              impl_->state.usage(impl_->opened->id()));
    info.pinned = api::value_or_throw(impl_->opened->pinned()).contains(key);
    return info;
}

std::vector<Compiling> Store::compiling() const {
    std::vector<Compiling> found;
    for (const auto& holder : impl_->opened->compile_lock_holders()) {
        found.push_back(api::compiling(holder));
    }
    std::ranges::sort(found, {}, &Compiling::since);
    return found;
}

std::uint64_t Store::total_bytes() const {
    const auto totals = api::value_or_throw(impl_->opened->totals());
    return totals.disk_bytes + totals.quarantined_bytes;
}

std::uint64_t Store::max_size_bytes() const { return impl_->opened->limit_bytes(); }

VerifyReport Store::verify(const std::vector<std::string>& prefixes, const PublicProgress& progress,
                           const VerifyOptions& options) {
    if (options.from_the_start) impl_->state.forget_checked(impl_->opened->id());
    const auto keys = impl_->resolve(prefixes);
    const auto found = api::value_or_throw(impl_->opened->verify(
        keys, callback_of(progress), {options.bytes_per_second_max, &impl_->state}));
    VerifyReport report{static_cast<const VerifyCounts&>(found), {}};
    for (const auto& finding : found.findings) {
        report.findings.push_back(
            {finding.damage, finding.key ? finding.key->hex() : std::string{}, finding.path,
             finding.error.message(),
             finding.manifest ? std::optional(describe(*finding.manifest)) : std::nullopt});
    }
    return report;
}

std::vector<EntryInfo> Store::entries_set_aside() const {
    std::vector<EntryInfo> entries;
    for (auto& manifest : api::value_or_throw(impl_->opened->entries_set_aside())) {
        entries.push_back(describe(std::move(manifest)));
    }
    return entries;
}

void Store::forget_set_aside(const std::vector<std::string>& keys) {
    for (const auto& key : keys) {
        impl_->opened->forget_entry_set_aside(api::value_or_throw(store::Key::from_hex(key)));
    }
}

RemovalReport Store::remove(const std::vector<std::string>& prefixes, DryRun dry_run) {
    auto keys = impl_->resolve(prefixes);
    const auto pinned = api::value_or_throw(impl_->opened->pinned());
    impl_->add_companions(keys, pinned);
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    for (const auto& key : keys) {
        if (!pinned.contains(key)) continue;
        throw Error(ErrorCode::invalid_argument, "the entry " + key.hex() + " is pinned",
                    "larder unpin " + key.hex());
    }
    const auto removal = api::value_or_throw(impl_->opened->remove(keys, dry_run));
    RemovalReport report;
    report.freed_bytes = removal.freed_bytes;
    for (const auto& manifest : removal.entries) report.entries.push_back(describe(manifest));
    if (dry_run == DryRun::no) {
        for (const auto& key : keys) impl_->state.forget(impl_->opened->id(), key);
    }
    return report;
}

void Store::find_stale(std::vector<EntryInfo>& entries, const StaleSearch& search) const {
    api::find_stale(impl_->system.system(), impl_->state, *impl_->opened, entries, search);
}

std::vector<std::string> Store::keys_of_model(const std::filesystem::path& path) const {
    const auto system = impl_->system.system();
    const auto seen = api::sightings_at(system, impl_->state, impl_->opened->id(), path.string());
    return api::keys_of_model(system, seen, entries(), path.string());
}

RemovalReport Store::remove_model(const std::filesystem::path& path, DryRun dry_run) {
    const auto keys = keys_of_model(path);
    auto report = keys.empty() ? RemovalReport{} : remove(keys, dry_run);
    if (dry_run == DryRun::yes) return report;
    const auto& id = impl_->opened->id();
    for (const auto& seen :
         api::sightings_at(impl_->system.system(), impl_->state, id, path.string())) {
        impl_->state.forget(seen);
    }
    return report;
}

PruneReport Store::prune(const PruneRules& rules, DryRun dry_run) {
    store::PruneRules inner_rules;
    for (const auto& [key, reason] : rules.keys) {
        inner_rules.doomed[api::value_or_throw(store::Key::from_hex(key))] = reason;
    }
    inner_rules.older_than = rules.older_than;
    inner_rules.max_bytes = rules.max_size_bytes;
    inner_rules.quarantine = rules.quarantine;
    // If there is no larder, there is nothing to remove.
    const auto how = impl_->is_there ? dry_run : DryRun::yes;
    const auto pruning = api::value_or_throw(impl_->opened->prune(inner_rules, how));
    PruneReport report{static_cast<const PruneCounts&>(pruning), {}, {}};
    for (const auto& manifest : pruning.removal.entries) {
        report.entries.push_back(describe(manifest));
    }
    for (const auto& [key, reason] : pruning.reasons) {
        report.reasons[key.hex()] = reason;
        if (dry_run == DryRun::no) impl_->state.forget(impl_->opened->id(), key);
    }
    report.freed_bytes = pruning.removal.freed_bytes;
    return report;
}

CompressReport Store::compress(const CompressRules& rules, DryRun dry_run,
                               const PublicProgress& progress) {
    store::CompressRules inner_rules;
    if (rules.keys) {
        const auto keys = impl_->resolve(*rules.keys);
        inner_rules.keys.emplace(keys.begin(), keys.end());
    }
    inner_rules.older_than = rules.older_than;
    auto report = public_report(
        api::value_or_throw(impl_->opened->compress(inner_rules, dry_run, callback_of(progress))));
    report.estimated = dry_run == DryRun::yes;
    return report;
}

CompressReport Store::decompress(const std::vector<std::string>& prefixes, DryRun dry_run,
                                 const PublicProgress& progress) {
    auto keys = impl_->resolve(prefixes);
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return public_report(
        api::value_or_throw(impl_->opened->decompress(keys, dry_run, callback_of(progress))));
}

void Store::pin(const std::vector<std::string>& keys) {
    for (const auto& key : impl_->resolve(keys)) api::value_or_throw(impl_->opened->pin(key));
}

void Store::unpin(const std::vector<std::string>& keys) {
    for (const auto& key : impl_->resolve(keys)) api::value_or_throw(impl_->opened->unpin(key));
}

Stats Store::stats(std::chrono::system_clock::time_point since) const {
    const auto since_ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(since.time_since_epoch()).count();
    const auto& id = impl_->opened->id();
    Stats stats;
    stats.since = since;
    if (const auto first = impl_->state.first_event_ns(id); first && *first > since_ns) {
        stats.since = api::time_point(*first);
    }
    for (const auto& events : impl_->state.summarise(id, since_ns)) {
        api::add(stats.total, events);
        api::add(stats.by_model[events.model], events);
        api::add(stats.by_device[events.device], events);
        if (events.outcome == "compiled") stats.miss_reasons[events.reason] += events.count;
        if (events.outcome == "bypassed") stats.bypass_reasons[events.reason] += events.count;
        if (events.outcome == "refused") stats.refusal_reasons[events.reason] += events.count;
        stats.bytes_written += events.written_bytes;
    }
    for (const auto& [reason, sum] : impl_->state.evictions(id, since_ns)) {
        stats.evicted_bytes[reason] = sum.freed_bytes;
        stats.evicted_entries += sum.count;
    }
    const auto totals = api::value_or_throw(impl_->opened->totals());
    stats.total_bytes = totals.disk_bytes + totals.quarantined_bytes;
    stats.set_aside_bytes = totals.quarantined_bytes;
    stats.set_aside_files = totals.quarantined;
    stats.max_size_bytes = max_size_bytes();
    stats.remotes = api::remotes(impl_->state);
    const auto now_ns = impl_->system.system().clock.wall().count();
    for (const auto& [key, used_ns] : api::value_or_throw(impl_->opened->last_uses())) {
        const auto idle = std::chrono::duration_cast<std::chrono::seconds>(
            std::chrono::nanoseconds(std::max<std::int64_t>(now_ns - used_ns, 0)));
        stats.longest_idle = std::max(stats.longest_idle.value_or(idle), idle);
    }
    return stats;
}

void Store::forget_stats() { api::value_or_throw(impl_->state.forget_events(impl_->opened->id())); }

std::vector<StatsInterval> Store::history(std::chrono::system_clock::time_point since,
                                          std::chrono::seconds interval) const {
    constexpr std::chrono::hours k_interval_max{24 * 36'500};
    if (interval.count() <= 0 || interval > k_interval_max) {
        throw Error(ErrorCode::invalid_argument,
                    "statistics cannot be computed for intervals of " +
                        std::to_string(interval.count()) + " s",
                    "give at least a second, and at most a hundred years");
    }
    const auto nanoseconds = [](auto duration) {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
    };
    std::vector<StatsInterval> history;
    for (const auto& [begin_ns, sums] : impl_->state.spans(
             impl_->opened->id(), nanoseconds(since.time_since_epoch()), nanoseconds(interval))) {
        auto& span = history.emplace_back();
        span.begin = api::time_point(begin_ns);
        for (const auto& events : sums.events) {
            api::add(span.total, events);
            span.bytes_written += events.written_bytes;
        }
        span.evicted_bytes = sums.evictions.freed_bytes;
        span.evicted_entries = sums.evictions.count;
    }
    return history;
}

std::vector<Store::Advice> Store::diagnose() const {
    return api::diagnose(impl_->system.system(), *impl_->opened, impl_->state);
}

}  // namespace larder
