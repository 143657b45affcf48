// BATCH, which the runtime puts around a GPU by itself where the hint is THROUGHPUT.
#pragma once

#include <openvino/core/model.hpp>
#include <openvino/runtime/compiled_model.hpp>
#include <openvino/runtime/core.hpp>

#include "openvino/device.h"

namespace larder::internal::openvino {

// Whether the runtime may do so with `model`. It looks for more: a batch that can be changed.
[[nodiscard]] bool may_be_batched(ov::Core& core, const DeviceName& device,
                                  const ov::AnyMap& properties, const ov::Model& model);

// Whether it has.
[[nodiscard]] bool is_batched(const ov::CompiledModel& compiled);

}  // namespace larder::internal::openvino
