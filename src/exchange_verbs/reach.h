// Opens a shared storage as this user reaches it: with the settings of the environment.
#pragma once

#include <memory>

#include "os/system.h"
#include "remote/address.h"

namespace larder::cli {

// Throws Error. An Interruption ends waits for a network. `system` must outlive the tier.
[[nodiscard]] std::unique_ptr<internal::remote::Tier> open_storage(
    const internal::os::System& system, const internal::remote::Address& address);

}  // namespace larder::cli
