// Small models with the relevant kinds of operations: dense, convolution, attention with f16
// weights and dynamic shapes, a loop with a body, state.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <openvino/core/model.hpp>
#include <openvino/runtime/tensor.hpp>

namespace larder::testing {

struct ModelOptions {
    std::uint32_t seed = 1;
    std::size_t width = 64;
    std::size_t layers = 3;
};

[[nodiscard]] std::shared_ptr<ov::Model> dense_model(const ModelOptions& options = {});
[[nodiscard]] std::shared_ptr<ov::Model> convolution_model(std::uint32_t seed = 1);
[[nodiscard]] std::shared_ptr<ov::Model> attention_model(std::uint32_t seed = 1);
// A loop whose body adds `step` five times.
[[nodiscard]] std::shared_ptr<ov::Model> loop_model(float step = 1);
// An accumulator: ReadValue and Assign.
[[nodiscard]] std::shared_ptr<ov::Model> stateful_model();

// One tensor for each input, deterministic; dynamic dimensions become 7.
[[nodiscard]] std::vector<ov::Tensor> inputs_of(const ov::Model& model);
[[nodiscard]] std::vector<float> values_of(const ov::Tensor& tensor);

}  // namespace larder::testing
