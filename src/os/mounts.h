// On which file system a path lies, so that a file that is gone can be told from a disk that is.
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

// Where `path` lies, which exists. Links are followed.
[[nodiscard]] Result<Place> place_of(FileSystem& fs, const std::string& path);

// Where something that does not exist would lie: the place of the nearest directory above it that
// does. Errors other than Errc::not_found on the way up are passed on.
[[nodiscard]] Result<Place> place_above(FileSystem& fs, const std::string& path);

// A mount option by which a file system keeps locks to one machine, or grants every one, such as
// "nolock"; empty if there is none. Of the mount that a path without links lies on, in the words
// of /proc/self/mountinfo.
[[nodiscard]] std::string option_against_locks(std::string_view mountinfo, std::string_view path);
// The same of this machine's mounts; empty where it cannot be told.
[[nodiscard]] std::string option_against_locks(FileSystem& fs, const std::string& path);

// The mount that a path without links lies on, in the words of /proc/self/mountinfo; without the
// file system's id. Absent if there is none.
[[nodiscard]] std::optional<Place> find_mount(std::string_view mountinfo, std::string_view path);

}  // namespace larder::internal::os
