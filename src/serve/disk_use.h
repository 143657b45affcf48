// Shows how the disk space is divided.
#pragma once

#include "cli/json.h"
#include "serve/reader.h"

namespace larder::serve {

// Returns {"devices":[{"device","unique_bytes","shared_bytes","models":[{"model","entries","key",
// "unique_bytes","shared_bytes"}…]}…]}, the largest first. Bytes that several models share are
// divided among them, so that the sum is the size of all objects.
[[nodiscard]] cli::Json disk_use_json(const Snapshot& snapshot);

}  // namespace larder::serve
