// Asks a core for the facts about this machine that decide a blob.
#pragma once

#include <map>
#include <string>
#include <utility>

#include <openvino/runtime/core.hpp>

#include "runtime/runtime.h"

namespace larder::internal::openvino {

// Tells whether the device accepts a blob with these requirements.
[[nodiscard]] runtime::Compatibility check(ov::Core& core, const std::string& device,
                                           const std::string& requirements);

// Asks each device only once. Used by one thread.
class Machine {
public:
    using Inputs = std::map<std::string, std::string>;

    // `core` must outlive it.
    explicit Machine(ov::Core& core) : core_(core) {}

    // Returns the inputs "device.…" and "runtime.…" that a request like the one with the inputs
    // `kept` would have now; empty if there is no such device. If several devices have the same
    // name in entries, prefers the one that the entry was made for.
    [[nodiscard]] const Inputs& inputs(const Inputs& kept);
    [[nodiscard]] bool refuses(const std::string& device, const std::string& requirements);
    // Returns the build of OpenVINO.
    [[nodiscard]] static std::string openvino();
    // Tells whether one of the devices loads a file of the runtime's own cache with this
    // information. True if none of them can tell.
    [[nodiscard]] bool accepts(const std::string& runtime_info);

private:
    [[nodiscard]] const Inputs& inputs_of(const std::string& device, const std::string& priorities);

    ov::Core& core_;
    std::map<std::pair<std::string, std::string>, Inputs> inputs_;  // by device and priorities
    std::map<std::pair<std::string, std::string>, bool> refusals_;  // by device and requirements
    std::map<std::string, bool> acceptances_;                       // by runtime_info
};

}  // namespace larder::internal::openvino
