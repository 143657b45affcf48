// Creates what every larder has. Private to store/.
#pragma once

#include <string>

#include "base/result.h"
#include "store/disk/context.h"

namespace larder::internal::store {

// Creates the directories and larder.json of a larder if they are missing; safe against other
// processes that do the same. Returns the larder's id.
[[nodiscard]] Result<std::string> create_larder(Context& context);

// Returns the id in larder.json.
[[nodiscard]] Result<std::string> read_larder_id(const Context& context);

}  // namespace larder::internal::store
