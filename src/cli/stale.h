// Finds stale entries, for the verbs that report them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "larder/store.hpp"

namespace larder::cli {

// Returns the runtime's answers about this machine; null without a runtime.
[[nodiscard]] std::unique_ptr<Machine> machine_or_null();

// Fills in EntryInfo::stale, with the runtime's answers about this machine. `entries` must be all
// entries.
void find_stale(const Store& store, std::vector<EntryInfo>& entries,
                StaleSearch::Reading reading = StaleSearch::Reading::little);

// The keys of the stale entries that prune removes, each with the reason.
struct StaleChoice {
    bool certain = false;       // entries whose removal hurts nobody
    bool incompatible = false;  // also entries that another machine or runtime may still use
};
[[nodiscard]] std::map<std::string, std::string> stale_keys(const Store& store,
                                                            const StaleChoice& choice);

struct StaleSum {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
};
// Sums by reason; reasons without entries are included.
[[nodiscard]] std::map<std::string, StaleSum> stale_sums(const std::vector<EntryInfo>& entries);

}  // namespace larder::cli
