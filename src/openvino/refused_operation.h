// Models of which the CPU plugin exports a blob that it does not import again.
#pragma once

#include <optional>
#include <string>

#include <openvino/core/model.hpp>
#include <openvino/runtime/core.hpp>

#include "runtime/runtime.h"

namespace larder::internal::openvino {

// Whether there is an operation that some builds of the plugin do not take back. Costs a pass over
// the operations.
[[nodiscard]] std::optional<runtime::Doubt> doubt_about(const ov::Model& model);

// The type of an operation because of which `device` would refuse the blob of `model`; empty if
// none is known. Where one is in doubt, a model of it alone is compiled, exported and imported.
[[nodiscard]] std::string refused_operation(ov::Core& core, const ov::Model& model,
                                            const std::string& device,
                                            const ov::AnyMap& properties);

}  // namespace larder::internal::openvino
