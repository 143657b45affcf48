#pragma once

#include <memory>
#include <string>

#include <openvino/core/model.hpp>
#include <openvino/runtime/core.hpp>

namespace larder::internal::openvino {

[[nodiscard]] bool is_gguf(const std::string& path);

// Reads a model as `core` would, and a GGUF through the runtime's own GGUF frontend, which the path
// API does not reach. Throws the runtime's exceptions.
[[nodiscard]] std::shared_ptr<ov::Model> read_model(ov::Core& core, const std::string& path);

}  // namespace larder::internal::openvino
