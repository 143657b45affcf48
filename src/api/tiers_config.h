// How a program that larder serves reaches the storages that machines share.
#pragma once

#include "api/configuration.h"
#include "cache/tiers/tiers.h"
#include "os/system.h"

namespace larder::api {

// Reads the environment, if there are storages.
[[nodiscard]] internal::cache::TierConfig tier_config(const internal::os::System& system,
                                                      const Configuration& configuration);

}  // namespace larder::api
