// Names decide nothing on a CPU or GPU. On other devices they may decide what is compiled.
#pragma once

#include <openvino/core/model.hpp>
#include <openvino/runtime/core.hpp>

#include "base/digest.h"
#include "openvino/device.h"

namespace larder::internal::openvino {

// Tells whether names must be part of the key: blobs of the device, with these properties, may
// differ for models that differ in names only, or ports cannot be renamed because the runtime finds
// them by name.
[[nodiscard]] bool names_count(ov::Core& core, const DeviceName& device,
                               const ov::AnyMap& properties);

// Hashes the names of the model, its nodes and tensors, without names that the runtime generates,
// which count up in each process.
[[nodiscard]] Digest hash_names(const ov::Model& model);
// The same, including the names of inputs and outputs even if they are generated.
[[nodiscard]] Digest hash_names_with_ports(const ov::Model& model);
// The same, including all generated names.
[[nodiscard]] Digest hash_all_names(const ov::Model& model);

}  // namespace larder::internal::openvino
