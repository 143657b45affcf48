#pragma once

#include <string>

#include "base/result.h"
#include "os/file_system.h"

namespace larder::internal::os {

// If `error` is about permissions, returns one that names the place that this user may not read:
// "this user may not read the larder '/x' (owner root, mode 700)", or the closed directory above
// it. `what` says what `path` is. Returns other errors unchanged.
[[nodiscard]] Error explain_denial(FileSystem& fs, Error error, const std::string& what,
                                   const std::string& path);

}  // namespace larder::internal::os
