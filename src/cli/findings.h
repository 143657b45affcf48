// Problems of a larder, for the verbs that report them.
#pragma once

#include <vector>

#include "larder/store.hpp"

namespace larder::cli {

// Returns the findings of Store::diagnose, and those of `entries` that are withheld. `entries` must
// be all entries.
[[nodiscard]] std::vector<Store::Advice> larder_findings(const Store& store,
                                                         const std::vector<EntryInfo>& entries);

}  // namespace larder::cli
