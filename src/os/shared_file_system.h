// File operations in a directory that several users share.
#pragma once

#include <memory>

#include "os/file_system.h"

namespace larder::internal::os {

// Passes all calls on to `fs`, which must outlive it. New files in a directory that the group, or
// everybody, may write to are writable for them too, whatever the umask of this process; new files
// of root in another user's directory belong to that user.
[[nodiscard]] std::unique_ptr<FileSystem> make_shared_file_system(FileSystem& fs);

}  // namespace larder::internal::os
