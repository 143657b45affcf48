// The present environment of this process.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace larder::internal::os {

// Returns the variables whose names begin with one of `prefixes`. No other thread may change the
// environment meanwhile, as with every reader of it.
[[nodiscard]] std::map<std::string, std::string> environment(
    std::span<const std::string_view> prefixes);

}  // namespace larder::internal::os
