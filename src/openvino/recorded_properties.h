// From a key back to a request that has this key.
#pragma once

#include <map>
#include <string>

#include <openvino/runtime/core.hpp>

namespace larder::internal::openvino {

// Returns the properties that a request for `device` needs so that its key has the properties in
// `inputs`. Values that are in force anyway are left out: a device reports some that it refuses to
// be given. The others have the types that the device reports.
[[nodiscard]] ov::AnyMap recorded_properties(ov::Core& core, const std::string& device,
                                             const std::map<std::string, std::string>& inputs);

}  // namespace larder::internal::openvino
