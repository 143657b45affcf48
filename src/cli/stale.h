// What is stale, for the verbs that tell.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "larder/store.hpp"

namespace larder::cli {

// What the runtime says of this machine; null without a runtime.
[[nodiscard]] std::unique_ptr<Machine> machine_or_null();

// Fills in EntryInfo::stale, with what the runtime says of this machine. `entries` are all.
void find_stale(const Store& store, std::vector<EntryInfo>& entries,
                StaleSearch::Reading reading = StaleSearch::Reading::little);

// The keys of what prune takes for being stale, each with the reason.
struct StaleChoice {
    bool certain = false;       // what nobody loses by
    bool incompatible = false;  // also what another machine or runtime may still use
};
[[nodiscard]] std::map<std::string, std::string> stale_keys(const Store& store,
                                                            const StaleChoice& choice);

struct StaleSum {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
};
// By reason, with those that have none.
[[nodiscard]] std::map<std::string, StaleSum> stale_sums(const std::vector<EntryInfo>& entries);

}  // namespace larder::cli
