// What a device makes of properties while it compiles, and does not make of them while it imports.
#pragma once

#include <string>

#include <openvino/runtime/compiled_model.hpp>
#include <openvino/runtime/core.hpp>

#include "openvino/device.h"

namespace larder::internal::openvino {

// The GPU plugin settles some properties as it compiles: with PERFORMANCE_HINT=THROUGHPUT it takes
// two streams. Of an import it takes no hint, and the model would have one.
//
// Those of `compiled` that are other than `properties` and the core said, a line each: of a GPU,
// and of those behind HETERO, with their names. They follow from what is in the key: those that act
// at run time only are left out. Empty on other devices.
[[nodiscard]] std::string settled_properties(ov::Core& core, const DeviceName& device,
                                             const ov::AnyMap& properties,
                                             const ov::CompiledModel& compiled);

// `properties` with what was settled, each of the type that the device reports it as, so that a
// program that asks the model is answered in the same type as after a compile.
[[nodiscard]] ov::AnyMap with_settled(ov::Core& core, const DeviceName& device,
                                      const ov::AnyMap& properties, const std::string& settled);

// What of `settled` a device may be given whose blobs the runtime's own cache looks up: the others
// are a part of what it looks them up by, and were not said when the blob was made.
[[nodiscard]] std::string settled_beside_cache(ov::Core& core, const DeviceName& device,
                                               const std::string& settled);

}  // namespace larder::internal::openvino
