// The weights of a model, in memory or in files.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <openvino/core/model.hpp>

#include "base/result.h"
#include "runtime/runtime.h"

namespace larder::internal::openvino {

// Returns where they are in memory, valid for as long as the model lives.
[[nodiscard]] std::vector<std::span<const std::byte>> weights_of(const ov::Model& model);

// Moves all of them to `scratch`, and maps them from there; nothing else of the model changes. On
// an error the model stays as it was.
[[nodiscard]] Result<void> move_weights(ov::Model& model, runtime::Scratch& scratch);

}  // namespace larder::internal::openvino
