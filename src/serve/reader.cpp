#include "serve/reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cli/findings.h"
#include "cli/listing.h"
#include "cli/stale.h"

namespace larder::serve {
namespace {

constexpr std::chrono::milliseconds k_pause_min{1000};
constexpr int k_pause_per_reading = 20;
constexpr std::chrono::seconds k_findings_age_max{30};

// From this level on a larder will soon evict, which users want to know in advance.
constexpr std::uint64_t k_nearly_full_percent = 96;

cli::Json counts_json(const std::vector<EntryInfo>& entries) {
    std::uint64_t pinned = 0;
    std::uint64_t withheld = 0;
    std::uint64_t bytes = 0;
    for (const auto& entry : entries) {
        if (entry.pinned) ++pinned;
        if (!entry.withheld.empty()) ++withheld;
        bytes += entry.bytes;
    }
    return {
        {"entries", entries.size()}, {"pinned", pinned}, {"withheld", withheld}, {"bytes", bytes}};
}

cli::Json overview_json(const Store& store, const Snapshot& snapshot) {
    auto json = cli::json_object();
    json["larder"] = LARDER_VERSION;
    json["directory"] = store.directory().string();
    json["exists"] = store.exists();
    json["writable"] = store.writable();
    const auto& stats = snapshot.stats;
    json["total_bytes"] = stats.total_bytes;
    json["max_size_bytes"] = stats.max_size_bytes;
    json["nearly_full"] = stats.max_size_bytes > 0 &&
                          stats.total_bytes >= stats.max_size_bytes / 100 * k_nearly_full_percent;
    json["counts"] = counts_json(snapshot.entries);
    json["set_aside_files"] = stats.set_aside_files;
    json["set_aside_bytes"] = stats.set_aside_bytes;
    json["compiling"] = cli::compiling_json(snapshot.compiling);
    return json;
}

// Compares snapshots; ages that only grow are no change.
bool is_same(const Snapshot& a, const Snapshot& b) {
    const auto events = [](const Snapshot& snapshot) {
        const auto& total = snapshot.stats.total;
        return std::array{total.compiled, total.loaded,  total.waited,
                          total.bypassed, total.refused, snapshot.stats.evicted_entries};
    };
    return a.entries_json == b.entries_json && a.overview == b.overview && events(a) == events(b);
}

}  // namespace

Reader::Reader(const Options& options) : options_(options) {}

Reader::~Reader() { stop(); }

void Reader::stop() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    wake_.notify_all();
    if (watcher_.joinable()) watcher_.join();
}

std::shared_ptr<const Snapshot> Reader::snapshot(std::chrono::milliseconds age_max) {
    const std::lock_guard lock(reading_);
    if (last_ && read_at_ != Clock::time_point{} && Clock::now() - read_at_ < age_max) return last_;
    const auto begin = Clock::now();
    auto fresh = read();
    read_at_ = Clock::now();
    took_ = read_at_ - begin;
    if (last_) {
        const auto before = last_->stats.set_aside_files;
        const auto after = fresh->stats.set_aside_files;
        fresh->damaged = last_->damaged + (after > before ? after - before : 0);
    }
    fresh->version = !last_ ? 1 : is_same(*last_, *fresh) ? last_->version : last_->version + 1;
    last_ = std::move(fresh);
    return last_;
}

std::shared_ptr<Snapshot> Reader::read() {
    // Opened anew each time: the directory may have become a larder, or another larder.
    Store store(options_);
    auto snapshot = std::make_shared<Snapshot>();
    auto& entries = snapshot->entries;
    entries = store.entries(EntryDetail::summary);
    if (!entries.empty()) {
        if (!std::exchange(asked_for_machine_, true)) machine_ = cli::machine_or_null();
        store.find_stale(entries, {StaleSearch::Reading::little, machine_.get()});
    }
    snapshot->stats = store.stats();
    snapshot->compiling = store.compiling();
    snapshot->unique = cli::unique_bytes(entries);
    std::vector<const EntryInfo*> all;
    all.reserve(entries.size());
    for (const auto& entry : entries) all.push_back(&entry);
    snapshot->entries_json =
        cli::json_line(cli::entries_json(all, snapshot->unique, snapshot->stats.total_bytes,
                                         snapshot->stats.max_size_bytes, snapshot->compiling));
    snapshot->stats_json =
        cli::json_line(cli::stats_json(snapshot->stats, entries, snapshot->compiling));
    snapshot->overview = overview_json(store, *snapshot);
    snapshot->overview["findings"] = findings(store, entries);
    return snapshot;
}

// Not at every read: it tests whether the larder can be written and locked.
cli::Json Reader::findings(const Store& store, const std::vector<EntryInfo>& entries) {
    if (found_at_ && Clock::now() - *found_at_ < k_findings_age_max) return findings_;
    findings_ = cli::Json::array();
    for (const auto& finding : cli::larder_findings(store, entries)) {
        findings_.push_back(cli::finding_json(finding));
    }
    found_at_ = Clock::now();
    return findings_;
}

void Reader::watch(std::function<bool()> watched, std::function<void(const Snapshot&)> changed) {
    watcher_ = std::thread([this, watched = std::move(watched), changed = std::move(changed)] {
        keep_watching(watched, changed);
    });
}

void Reader::look_now() {
    forget();
    {
        const std::lock_guard lock(mutex_);
        now_ = true;
    }
    wake_.notify_all();
}

void Reader::forget() {
    const std::lock_guard lock(reading_);
    read_at_ = {};
    found_at_.reset();
}

void Reader::keep_watching(const std::function<bool()>& watched,
                           const std::function<void(const Snapshot&)>& changed) {
    std::uint64_t told = 0;
    while (true) {
        Clock::duration took{};
        {
            const std::lock_guard lock(reading_);
            took = took_;
        }
        {
            std::unique_lock lock(mutex_);
            const auto pause = std::max<Clock::duration>(k_pause_min, took * k_pause_per_reading);
            wake_.wait_for(lock, pause, [this] { return ending_ || now_; });
            if (ending_) return;
            now_ = false;
        }
        if (!watched()) continue;
        try {
            const auto found = snapshot(std::chrono::milliseconds(0));
            if (std::exchange(told, found->version) != found->version) changed(*found);
        } catch (const std::exception&) {
            // A client that asks for the snapshot gets the error.
        }
    }
}

}  // namespace larder::serve
