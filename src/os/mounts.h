// Finds the file system of a path, so that a removed file can be told from a disk that is not
// mounted.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/file_system.h"

namespace larder::internal::os {

// Equal only while the same file system is mounted in the same place.
struct Place {
    std::string mount_point;
    std::string file_system;  // its type, source, root and id

    bool operator==(const Place&) const = default;
};

// Returns the place of `path`, which must exist. Follows links.
[[nodiscard]] Result<Place> place_of(FileSystem& fs, const std::string& path);

// Returns the place that a missing path would have: that of the nearest existing directory above
// it. Passes on errors other than Errc::not_found on the way up.
[[nodiscard]] Result<Place> place_above(FileSystem& fs, const std::string& path);

// Returns a mount option that limits a file system's locks to one machine, or makes it grant every
// lock, such as "nolock"; empty if there is none. Looks at the mount of a path without links, in
// the text of /proc/self/mountinfo.
[[nodiscard]] std::string option_against_locks(std::string_view mountinfo, std::string_view path);
// The same for this machine's mounts; empty if unknown.
[[nodiscard]] std::string option_against_locks(FileSystem& fs, const std::string& path);

// Returns the mount of a path without links, in the text of /proc/self/mountinfo; without the file
// system's id. Absent if there is none.
[[nodiscard]] std::optional<Place> find_mount(std::string_view mountinfo, std::string_view path);

}  // namespace larder::internal::os
