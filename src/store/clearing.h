// What goes, reckoned from a catalogue and behind no lock of its own. Private to store/.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "store/catalogue.h"
#include "store/history.h"
#include "store/types.h"

namespace larder::internal::store {

// When the entry was asked for last, by anybody.
[[nodiscard]] RequestHistory history_of(const CataloguedEntry& entry,
                                        const std::map<Key, RequestHistory>& requests);

class Clearing {
public:
    struct Surroundings {
        std::map<Key, RequestHistory> requests;
        std::set<Key> pinned;
        std::vector<Digest> needed;  // objects that stay though no entry uses them yet
        std::int64_t now_ns = 0;
    };

    // `catalogue` must outlive it.
    Clearing(const Catalogue& catalogue, Surroundings surroundings);

    // The entry goes, unless it is pinned or does not exist.
    void add(const Key& key, const std::string& reason);
    void add_older_than(std::int64_t age_ns, const std::string& reason);
    void add_all_set_aside();
    // Takes, of what is left, what is worth least: first what was set aside, then entries.
    void free_bytes(std::uint64_t bytes, const std::string& reason);

    [[nodiscard]] std::set<Key> entries() const;
    // What would be freed if the entry went too.
    [[nodiscard]] std::uint64_t bytes_of(const Key& key) const;
    // What nothing that stays uses, garbage included; none if that cannot be known.
    [[nodiscard]] std::vector<Digest> objects() const;
    [[nodiscard]] const std::vector<SetAside>& set_aside() const { return set_aside_; }
    // In the order in which they were chosen.
    [[nodiscard]] const std::vector<Eviction>& evictions() const { return evictions_; }
    // All that goes, and of it what no entry used before either.
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
    std::unordered_map<Digest, std::uint32_t> users_;  // of what stays
    std::vector<SetAside> set_aside_;
    std::vector<Eviction> evictions_;
    std::uint64_t garbage_bytes_ = 0;
    std::uint64_t entry_bytes_ = 0;
};

}  // namespace larder::internal::store
