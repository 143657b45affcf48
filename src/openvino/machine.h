// What a core says of this machine, as far as it decides a blob.
#pragma once

#include <map>
#include <string>
#include <utility>

#include <openvino/runtime/core.hpp>

#include "runtime/runtime.h"

namespace larder::internal::openvino {

// Whether the device accepts a blob with these requirements.
[[nodiscard]] runtime::Compatibility check(ov::Core& core, const std::string& device,
                                           const std::string& requirements);

// Asks once for each device. Used by one thread.
class Machine {
public:
    using Inputs = std::map<std::string, std::string>;

    // `core` must outlive it.
    explicit Machine(ov::Core& core) : core_(core) {}

    // The inputs "device.…" and "runtime.…" that a request like the one with the inputs `kept`
    // would have now; empty where there is no such device. Of several that are kept under one name,
    // those of the one that it was kept for, if it is here.
    [[nodiscard]] const Inputs& inputs(const Inputs& kept);
    [[nodiscard]] bool refuses(const std::string& device, const std::string& requirements);
    // The build of OpenVINO.
    [[nodiscard]] static std::string openvino();
    // Whether one of the devices loads what the runtime's own cache has noted so. True where none
    // of them can tell.
    [[nodiscard]] bool accepts(const std::string& runtime_info);

private:
    [[nodiscard]] const Inputs& inputs_of(const std::string& device, const std::string& priorities);

    ov::Core& core_;
    std::map<std::pair<std::string, std::string>, Inputs> inputs_;  // by device and priorities
    std::map<std::pair<std::string, std::string>, bool> refusals_;  // by device and requirements
    std::map<std::string, bool> acceptances_;                       // by runtime_info
};

}  // namespace larder::internal::openvino
