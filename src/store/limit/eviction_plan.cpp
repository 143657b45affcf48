#include "store/limit/eviction_plan.h"

#include <algorithm>
#include <utility>

#include "store/limit/selection.h"
#include "store/limit/worth.h"

namespace larder::internal::store {
namespace {

// An entry used this recently may have been found by a process and not opened yet.
constexpr std::int64_t k_recent_ns = 2'000'000'000;
// The interval at which uses are marked in the larder.
constexpr std::int64_t k_marked_again_ns = 3'600'000'000'000;

}  // namespace

RequestHistory history_of(const CataloguedEntry& entry,
                          const std::map<Key, RequestHistory>& requests) {
    RequestHistory history;
    if (const auto found = requests.find(entry.key); found != requests.end()) {
        history = found->second;
    }
    // Uses by other machines show only in this mark.
    const auto marked_ns = entry.stamp.mtime_ns;
    const auto after_ns = marked_ns - entry.created_at_ns;
    if (history.interval_ns == 0 && after_ns >= k_marked_again_ns) history.interval_ns = after_ns;
    history.last_ns = std::max({history.last_ns, marked_ns, entry.created_at_ns});
    return history;
}

EvictionPlan::EvictionPlan(const Catalogue& catalogue, Surroundings surroundings)
    : catalogue_(catalogue),
      surroundings_(std::move(surroundings)),
      needed_(surroundings_.needed.begin(), surroundings_.needed.end()),
      gone_(catalogue.entries().size()) {
    const auto& entries = catalogue.entries();
    for (std::size_t i = 0; i < entries.size(); ++i) {
        by_key_[entries[i]->key] = i;
        for (const auto& object : entries[i]->objects) ++users_[object];
    }
    if (!catalogue.complete()) return;
    for (const auto& [object, bytes] : catalogue.objects()) {
        if (!users_.contains(object) && !is_needed(object)) garbage_bytes_ += bytes;
    }
}

void EvictionPlan::take(std::size_t index, const std::string& reason) {
    const auto& entry = *catalogue_.entries()[index];
    gone_[index] = true;
    auto bytes = entry.disk_bytes;
    for (const auto& object : entry.objects) {
        if (--users_[object] > 0 || is_needed(object) || !catalogue_.complete()) continue;
        const auto found = catalogue_.objects().find(object);
        if (found != catalogue_.objects().end()) bytes += found->second;
    }
    entry_bytes_ += bytes;
    const auto now_ns = surroundings_.now_ns;
    const auto used_ns = history_of(entry, surroundings_.requests).last_ns;
    evictions_.push_back({entry.key, bytes, reason, std::max<std::int64_t>(now_ns - used_ns, 0),
                          std::max<std::int64_t>(now_ns - entry.created_at_ns, 0)});
}

std::uint64_t EvictionPlan::bytes_of(const Key& key) const {
    const auto found = by_key_.find(key);
    if (found == by_key_.end() || gone_[found->second]) return 0;
    const auto& entry = *catalogue_.entries()[found->second];
    auto bytes = entry.disk_bytes;
    for (const auto& object : entry.objects) {
        const auto there = catalogue_.objects().find(object);
        const bool only_here = users_.at(object) == 1 && !is_needed(object);
        if (only_here && there != catalogue_.objects().end()) bytes += there->second;
    }
    return bytes;
}

void EvictionPlan::add(const Key& key, const std::string& reason) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end() || gone_[found->second]) return;
    if (surroundings_.pinned.contains(key)) return;
    take(found->second, reason);
}

void EvictionPlan::add_older_than(std::int64_t age_ns, const std::string& reason) {
    const auto& entries = catalogue_.entries();
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (!entries[i]->readable) continue;
        const auto used_ns = history_of(*entries[i], surroundings_.requests).last_ns;
        if (surroundings_.now_ns - used_ns > age_ns) add(entries[i]->key, reason);
    }
}

void EvictionPlan::add_all_set_aside() { set_aside_ = catalogue_.quarantined(); }

void EvictionPlan::free_bytes(std::uint64_t bytes, const std::string& reason) {
    std::uint64_t aside = 0;
    const auto& quarantined = catalogue_.quarantined();
    for (auto i = set_aside_.size(); i < quarantined.size() && aside < bytes; ++i) {
        set_aside_.push_back(quarantined[i]);
        aside += quarantined[i].disk_bytes;
    }
    // If objects cannot be removed, an entry frees almost nothing.
    if (aside >= bytes || !catalogue_.complete()) return;

    const auto& entries = catalogue_.entries();
    std::unordered_map<Digest, std::uint32_t> indices;
    std::vector<std::uint64_t> object_bytes;
    std::vector<Candidate> candidates(entries.size());
    const auto index_of = [&](const Digest& object) {
        const auto [at, added] =
            indices.emplace(object, static_cast<std::uint32_t>(object_bytes.size()));
        if (added) {
            const auto found = catalogue_.objects().find(object);
            object_bytes.push_back(found == catalogue_.objects().end() ? 0 : found->second);
        }
        return at->second;
    };
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto& entry = *entries[i];
        auto& candidate = candidates[i];
        candidate.stays = gone_[i] || surroundings_.pinned.contains(entry.key);
        if (gone_[i]) continue;
        const auto history = history_of(entry, surroundings_.requests);
        candidate.own_bytes = entry.disk_bytes;
        candidate.worth = worth_of(entry.compile_ms, history, surroundings_.now_ns);
        candidate.recent = surroundings_.now_ns - history.last_ns < k_recent_ns;
        for (const auto& object : entry.objects) candidate.objects.push_back(index_of(object));
    }
    Candidate publisher;
    publisher.stays = true;
    for (const auto& object : needed_) publisher.objects.push_back(index_of(object));
    candidates.push_back(std::move(publisher));
    for (const auto& selected : select_entries(candidates, object_bytes, bytes - aside)) {
        take(selected.candidate, reason);
    }
}

std::set<Key> EvictionPlan::entries() const {
    std::set<Key> keys;
    for (const auto& eviction : evictions_) keys.insert(eviction.key);
    return keys;
}

std::vector<Digest> EvictionPlan::objects() const {
    std::vector<Digest> unused;
    if (!catalogue_.complete()) return unused;
    for (const auto& [object, bytes] : catalogue_.objects()) {
        const auto found = users_.find(object);
        const bool used = found != users_.end() && found->second > 0;
        if (!used && !is_needed(object)) unused.push_back(object);
    }
    return unused;
}

std::uint64_t EvictionPlan::freed_bytes() const {
    auto bytes = entry_bytes_ + garbage_bytes_;
    for (const auto& file : set_aside_) bytes += file.disk_bytes;
    return bytes;
}

}  // namespace larder::internal::store
