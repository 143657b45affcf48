// Which processes have a file open for writing: who waits for a lock does.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace larder::internal::os {

using FileIdentity = std::pair<std::uint64_t, std::uint64_t>;  // device and inode

struct FileUser {
    std::int64_t process = 0;
    std::string program;             // its name; arguments may hold secrets
    std::int64_t started_at_ns = 0;  // since the epoch, to the tick of the kernel's clock
};

// Of this machine, by file; those alone that this user may look at. From /proc: none where it is
// not there. Reads what every process has open, which takes milliseconds.
[[nodiscard]] std::multimap<FileIdentity, FileUser> read_users_of(
    const std::vector<FileIdentity>& files);

}  // namespace larder::internal::os
