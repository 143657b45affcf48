#include "openvino/machine.h"

#include "larder/larder.hpp"
#include "openvino/device.h"
#include "process/large_blocks.h"

namespace larder {
std::unique_ptr<Machine> ask_machine(ov::Core& core) {
    return std::make_unique<internal::openvino::Machine>(core);
}

std::string obstacle_to_sharing(ov::Core& core) {
    try {
        // Loads the device's library.
        static_cast<void>(core.get_property("CPU", "FULL_DEVICE_NAME", ov::AnyMap{}));
    } catch (const std::exception&) {
        return "the CPU device cannot be used";
    }
    const auto device = internal::openvino::parse_device("CPU", {});
    return internal::process::obstacle_to_recording(
        internal::openvino::unpacking_libraries_of(device));
}

}  // namespace larder
