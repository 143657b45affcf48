// Finds out what has become of the models that entries were compiled from.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "larder/store.hpp"
#include "os/system.h"
#include "state/state.h"
#include "store/disk/sightings.h"
#include "store/store.h"

namespace larder::api {

// See Store::find_stale.
void find_stale(const internal::os::System& system, internal::state::State& state,
                internal::store::Store& store, std::vector<EntryInfo>& entries,
                const StaleSearch& search);

// Returns the models that this machine has seen at `path` or below it.
[[nodiscard]] std::vector<internal::store::Sighting> sightings_at(
    const internal::os::System& system, internal::state::State& state, const std::string& larder_id,
    const std::string& path);

// Returns the keys of the entries that were compiled from one of `sightings`, or from `path`.
[[nodiscard]] std::vector<std::string> keys_of_model(
    const internal::os::System& system, std::span<const internal::store::Sighting> sightings,
    const std::vector<EntryInfo>& entries, const std::string& path);

}  // namespace larder::api
