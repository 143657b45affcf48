// What a device is, as far as a blob depends on it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <openvino/runtime/core.hpp>

#include "runtime/runtime.h"

namespace larder::internal::openvino {

// A device string, taken apart: "HETERO:GPU,CPU" is HETERO over GPU and CPU; "GPU.1" is itself.
struct DeviceName {
    std::string asked;
    std::string plugin;                // "HETERO", "GPU", "CPU"
    bool is_virtual = false;           // schedules onto other devices
    std::vector<std::string> members;  // devices behind it; empty where the runtime chooses
};
[[nodiscard]] DeviceName parse_device(const std::string& device, const ov::AnyMap& properties);

// Which device a request is for: "GPU" alone leaves that to its properties and the core, which give
// "GPU.1". Any other name is its own. `properties` are those for the device, as `by_device` tells.
[[nodiscard]] std::string device_in_use(ov::Core& core, const DeviceName& device,
                                        const ov::AnyMap& properties);

// The devices of this machine whose entries are kept under the name `device` (Identity's
// "device.name"): all GPUs for "GPU"; the device itself for any other.
[[nodiscard]] std::vector<std::string> devices_kept_as(ov::Core& core, const std::string& device);

// Everything besides the model that decides a blob, asked of the runtime. Throws nothing of the
// runtime's: a device that does not answer gives Caching::none with what it said.
[[nodiscard]] runtime::Identity identify(ov::Core& core, const DeviceName& device,
                                         const ov::AnyMap& properties);

// Why what is compiled for a context is not kept; empty if it is. The blob for an OpenCL context is
// that for its device, whoever made the context, and whichever queue it has.
[[nodiscard]] std::string obstacle_to_keeping(const ov::RemoteContext& context);

// Whether the device itself compiles and imports for this very context.
[[nodiscard]] bool is_default(ov::Core& core, const ov::RemoteContext& context);

// See runtime::Request::unpacking_libraries.
[[nodiscard]] std::vector<std::string_view> unpacking_libraries_of(const DeviceName& device);

}  // namespace larder::internal::openvino
