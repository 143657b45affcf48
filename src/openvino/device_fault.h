// What a GPU's plugin throws where its device failed, and not what it was given.
#pragma once

#include <string_view>

namespace larder::internal::openvino {

// Whether `message` of the plugin tells of a device that is lost, or has no memory or resources
// left. Of a program that cannot be made, which it does not say why, too: taking a blob's fault for
// the device's costs a compile, and the opposite would cost the entry.
[[nodiscard]] bool is_fault_of_device(std::string_view message);

}  // namespace larder::internal::openvino
