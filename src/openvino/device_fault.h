// Tells faults of a GPU device from faults of its input, by the messages of the GPU plugin.
#pragma once

#include <string_view>

namespace larder::internal::openvino {

// Tells whether `message` says that the device is lost, or is out of memory or resources. Also true
// if a GPU program cannot be built, for which the message gives no reason: mistaking a fault of the
// blob for one of the device costs a compile, and the opposite mistake would cost the entry.
[[nodiscard]] bool is_fault_of_device(std::string_view message);

}  // namespace larder::internal::openvino
