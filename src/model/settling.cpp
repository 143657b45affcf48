#include "model/settling.h"

#include <cerrno>

namespace larder::internal::model {

bool stores_can_show(os::FileSystem& fs, const std::string& path) {
    const auto space = fs.space(path);
    return space && space->locality != os::Locality::memory;
}

bool make_stores_show(os::File& file) {
    const auto synced = file.sync();
    // Read-only file systems, such as squashfs, have no sync. EROFS is different: ext4 returns it
    // after an error made it read-only, when there are pages that were never written.
    return synced || synced.error().system_errno == EINVAL;
}

}  // namespace larder::internal::model
