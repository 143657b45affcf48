// The files that this process has open.
#pragma once

#include <set>
#include <utility>

#include "os/file_system.h"

namespace larder::internal::os {

class OpenFiles {
public:
    // Reads the present ones from /proc; none if there is no /proc.
    [[nodiscard]] static OpenFiles read();

    [[nodiscard]] bool contains(const FileStamp& stamp) const {
        return files_.contains({stamp.device, stamp.inode});
    }

private:
    std::set<std::pair<std::uint64_t, std::uint64_t>> files_;  // device and inode
};

}  // namespace larder::internal::os
