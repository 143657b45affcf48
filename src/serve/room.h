// Who takes how much of the disk.
#pragma once

#include "cli/json.h"
#include "serve/reader.h"

namespace larder::serve {

// {"devices":[{"device","unique_bytes","shared_bytes","models":[{"model","entries","key",
// "unique_bytes","shared_bytes"}…]}…]}, the largest first. What several models share is divided
// among them, so that all of it together is what the objects take.
[[nodiscard]] cli::Json room_json(const Snapshot& snapshot);

}  // namespace larder::serve
