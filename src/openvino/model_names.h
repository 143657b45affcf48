// Names decide nothing on a CPU or GPU. Elsewhere they may decide what is compiled.
#pragma once

#include <openvino/core/model.hpp>
#include <openvino/runtime/core.hpp>

#include "base/digest.h"
#include "openvino/device.h"

namespace larder::internal::openvino {

// Whether blobs of the device, with these properties, may differ for models that differ in names
// only, or ports may not be named anew because the runtime finds them by their names.
[[nodiscard]] bool names_count(ov::Core& core, const DeviceName& device,
                               const ov::AnyMap& properties);

// Of the names of the model, its nodes and tensors. Those that the runtime makes up count up in
// each process, and are left out.
[[nodiscard]] Digest hash_names(const ov::Model& model);
// The same with those of inputs and outputs, as they are.
[[nodiscard]] Digest hash_names_with_ports(const ov::Model& model);
// The same with all of them.
[[nodiscard]] Digest hash_all_names(const ov::Model& model);

}  // namespace larder::internal::openvino
