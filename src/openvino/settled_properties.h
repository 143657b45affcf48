// Properties that a device sets itself while it compiles, and does not set while it imports.
#pragma once

#include <string>

#include <openvino/runtime/compiled_model.hpp>
#include <openvino/runtime/core.hpp>

#include "openvino/device.h"

namespace larder::internal::openvino {

// The GPU plugin sets some properties while it compiles: with PERFORMANCE_HINT=THROUGHPUT it uses
// two streams. An import ignores hints, and the imported model would use one.
//
// Returns the properties of `compiled` that differ from `properties` and the core's, one in each
// line: of a GPU, and of GPUs behind HETERO, with their names. They follow from inputs that are in
// the key: properties that act only at run time are left out. Empty for other devices.
[[nodiscard]] std::string settled_properties(ov::Core& core, const DeviceName& device,
                                             const ov::AnyMap& properties,
                                             const ov::CompiledModel& compiled);

// Returns `properties` with the settled ones added, each with the type that the device reports, so
// that a program that asks the model gets the same type as after a compile.
[[nodiscard]] ov::AnyMap with_settled(ov::Core& core, const DeviceName& device,
                                      const ov::AnyMap& properties, const std::string& settled);

// The part of `settled` for a device whose blobs the runtime's own cache looks up. The other
// properties are part of its lookup, and were not given when the blob was made.
[[nodiscard]] std::string settled_beside_cache(ov::Core& core, const DeviceName& device,
                                               const std::string& settled);

}  // namespace larder::internal::openvino
