// A plan of what to remove, made from a catalogue; takes no lock of its own. Private to store/.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "store/disk/history.h"
#include "store/disk/types.h"
#include "store/entries/catalogue.h"

namespace larder::internal::store {

// The requests for the entry, by any machine.
[[nodiscard]] RequestHistory history_of(const CataloguedEntry& entry,
                                        const std::map<Key, RequestHistory>& requests);

class EvictionPlan {
public:
    struct Surroundings {
        std::map<Key, RequestHistory> requests;
        std::set<Key> pinned;
        std::vector<Digest> needed;  // objects that stay although no entry uses them yet
        std::int64_t now_ns = 0;
    };

    // `catalogue` must outlive it.
    EvictionPlan(const Catalogue& catalogue, Surroundings surroundings);

    // Adds the entry to the plan, unless it is pinned or does not exist.
    void add(const Key& key, const std::string& reason);
    void add_older_than(std::int64_t age_ns, const std::string& reason);
    void add_all_set_aside();
    // Adds the least valuable of what is left: first quarantined files, then entries.
    void free_bytes(std::uint64_t bytes, const std::string& reason);

    [[nodiscard]] std::set<Key> entries() const;
    // The bytes that would be freed if the entry were removed too.
    [[nodiscard]] std::uint64_t bytes_of(const Key& key) const;
    // The objects that no remaining entry uses, garbage included; none if that cannot be known.
    [[nodiscard]] std::vector<Digest> objects() const;
    [[nodiscard]] const std::vector<SetAside>& set_aside() const { return set_aside_; }
    // In the order in which they were chosen.
    [[nodiscard]] const std::vector<Eviction>& evictions() const { return evictions_; }
    // The bytes of the whole plan; and of those, the bytes that no entry used before.
    [[nodiscard]] std::uint64_t freed_bytes() const;
    [[nodiscard]] std::uint64_t garbage_bytes() const { return garbage_bytes_; }

private:
    [[nodiscard]] bool is_needed(const Digest& object) const { return needed_.contains(object); }
    void take(std::size_t entry, const std::string& reason);

    const Catalogue& catalogue_;
    Surroundings surroundings_;
    std::set<Digest> needed_;
    std::map<Key, std::size_t> by_key_;
    std::vector<bool> gone_;
    std::unordered_map<Digest, std::uint32_t> users_;  // of the entries that stay
    std::vector<SetAside> set_aside_;
    std::vector<Eviction> evictions_;
    std::uint64_t garbage_bytes_ = 0;
    std::uint64_t entry_bytes_ = 0;
};

}  // namespace larder::internal::store
