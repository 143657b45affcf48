// The present environment of this process.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "os/file_system.h"

namespace larder::internal::os {

// Returns the variables whose names begin with one of `prefixes`. No other thread may change the
// environment meanwhile, as with every reader of it.
[[nodiscard]] std::map<std::string, std::string> environment(
    std::span<const std::string_view> prefixes);

// Returns the home directory of this user in a file such as /etc/passwd; empty if the user is not
// in it. Name services are not asked: they would open connections in the host's process.
[[nodiscard]] std::string home_of_this_user(FileSystem& fs, const std::string& file);

}  // namespace larder::internal::os
