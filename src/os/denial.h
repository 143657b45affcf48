#pragma once

#include <string>

#include "base/result.h"
#include "os/file_system.h"

namespace larder::internal::os {

// `error`, if it is about permissions, as one that names what this user may not read: "this user
// may not read the larder '/x' (owner root, mode 700)", or the directory above it that is closed.
// `what` says what `path` is. Others are returned as they are.
[[nodiscard]] Error explain_denial(FileSystem& fs, Error error, const std::string& what,
                                   const std::string& path);

}  // namespace larder::internal::os
