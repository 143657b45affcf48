#include "os/open_files.h"

#include <filesystem>
#include <system_error>

#include <sys/stat.h>

namespace larder::internal::os {

OpenFiles OpenFiles::read() {
    OpenFiles open;
    std::error_code error;
    std::filesystem::directory_iterator descriptors("/proc/self/fd", error);
    for (; !error && descriptors != std::filesystem::directory_iterator();
         descriptors.increment(error)) {
        struct stat status{};
        // Follows the descriptor; it may be closed by now.
        if (::stat(descriptors->path().c_str(), &status) != 0) continue;
        open.files_.emplace(status.st_dev, status.st_ino);
    }
    return open;
}

}  // namespace larder::internal::os
