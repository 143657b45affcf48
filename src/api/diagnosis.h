#pragma once

#include <vector>

#include "larder/store.hpp"
#include "os/system.h"
#include "state/state.h"
#include "store/store.h"

namespace larder::api {

// Finds what is wrong with a larder or its surroundings, each with what to do. Writes nothing.
[[nodiscard]] std::vector<Store::Advice> diagnose(const internal::os::System& system,
                                                  internal::store::Store& store,
                                                  internal::state::State& state);

}  // namespace larder::api
