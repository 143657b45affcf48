#include "model/settling.h"

#include <cerrno>

namespace larder::internal::model {

bool stores_can_show(os::FileSystem& fs, const std::string& path) {
    const auto space = fs.space(path);
    return space && space->locality != os::Locality::memory;
}

bool make_stores_show(os::File& file) {
    const auto synced = file.sync();
    // File systems that nobody can write to, such as squashfs, know no sync. EROFS is another
    // matter: ext4 says so after an error made it read-only, with pages that were never written.
    return synced || synced.error().system_errno == EINVAL;
}

}  // namespace larder::internal::model
