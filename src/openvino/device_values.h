// The values of properties as a device reports them.
#pragma once

#include <optional>
#include <string>

#include <openvino/runtime/core.hpp>

namespace larder::internal::openvino {

// Returns the value in force on `device`; nothing if it does not know a property of this name.
[[nodiscard]] std::optional<ov::Any> in_force(ov::Core& core, const std::string& device,
                                              const std::string& name);

// Converts each canonical text in `properties` to the type that `device` reports: not every release
// accepts the text.
void give_types(ov::Core& core, const std::string& device, ov::AnyMap& properties);

}  // namespace larder::internal::openvino
