// Finds larder's own program from the library that holds this code.
#pragma once

#include <string>

#include "os/file_system.h"

namespace larder::internal::process {

// Returns the absolute path of `larder` in the bin/ beside the folder of the library, as in an
// installation, in the Python package and where larder is built; never one of PATH, which a program
// may have changed. Empty if there is none.
[[nodiscard]] std::string own_program(os::FileSystem& fs);

}  // namespace larder::internal::process
