// A directory that several users share.
#pragma once

#include <memory>

#include "os/file_system.h"

namespace larder::internal::os {

// Passes everything on to `fs`, which must outlive it. What it creates in a directory that the
// group, or everybody, may write to can be written by them too, whatever the umask of this process;
// what root creates in another user's directory belongs to that user.
[[nodiscard]] std::unique_ptr<FileSystem> make_shared_file_system(FileSystem& fs);

}  // namespace larder::internal::os
