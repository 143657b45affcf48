// The facts about a device that decide a blob.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <openvino/runtime/core.hpp>

#include "runtime/runtime.h"

namespace larder::internal::openvino {

// A device string, parsed: "HETERO:GPU,CPU" is HETERO over GPU and CPU; "GPU.1" is itself.
struct DeviceName {
    std::string asked;
    std::string plugin;                // "HETERO", "GPU", "CPU"
    bool is_virtual = false;           // distributes work to other devices
    std::vector<std::string> members;  // the devices behind it; empty if the runtime chooses them
};
[[nodiscard]] DeviceName parse_device(const std::string& device, const ov::AnyMap& properties);

// Returns the device that a request is for. "GPU" alone leaves the choice to the properties and the
// core, which may give "GPU.1". Any other name stands for itself. `properties` are those for the
// device, as returned by `by_device`.
[[nodiscard]] std::string device_in_use(ov::Core& core, const DeviceName& device,
                                        const ov::AnyMap& properties);

// Returns the devices of this machine whose entries have the name `device` (Identity's
// "device.name"): all GPUs for "GPU"; the device itself for any other name.
[[nodiscard]] std::vector<std::string> devices_kept_as(ov::Core& core, const std::string& device);

// Asks the runtime for everything besides the model that decides a blob. Throws no exception of the
// runtime: a device that does not answer gives Caching::none with its message.
[[nodiscard]] runtime::Identity identify(ov::Core& core, const DeviceName& device,
                                         const ov::AnyMap& properties);

// Says why models compiled for a context are not published; empty if they are. The blob for an
// OpenCL context is that for its device, whoever made the context, and whatever queue it has.
[[nodiscard]] std::string obstacle_to_keeping(const ov::RemoteContext& context);

// Tells whether the device itself compiles and imports for this very context.
[[nodiscard]] bool is_default(ov::Core& core, const ov::RemoteContext& context);

// See runtime::Request::unpacking_libraries.
[[nodiscard]] std::vector<std::string_view> unpacking_libraries_of(const DeviceName& device);

}  // namespace larder::internal::openvino
