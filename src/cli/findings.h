// What is wrong with a larder, for the verbs that tell.
#pragma once

#include <vector>

#include "larder/store.hpp"

namespace larder::cli {

// What Store::diagnose says, and of `entries`, which are all, those that are not kept.
[[nodiscard]] std::vector<Store::Advice> larder_findings(const Store& store,
                                                         const std::vector<EntryInfo>& entries);

}  // namespace larder::cli
