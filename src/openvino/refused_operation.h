// Models of which a device exports a blob that it does not import again.
#pragma once

#include <string>

#include <openvino/core/model.hpp>
#include <openvino/runtime/core.hpp>

namespace larder::internal::openvino {

// The type of an operation because of which `device` would refuse the blob of `model`; empty if
// none is known. Costs a pass over the operations; where one is in doubt, a model of it alone is
// compiled, exported and imported.
[[nodiscard]] std::string refused_operation(ov::Core& core, const ov::Model& model,
                                            const std::string& device,
                                            const ov::AnyMap& properties);

}  // namespace larder::internal::openvino
