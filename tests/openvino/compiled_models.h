// Models whose blobs have all kinds of constants: of all types, shared, in bodies, in names.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <openvino/core/any.hpp>
#include <openvino/core/model.hpp>
#include <openvino/runtime/tensor.hpp>

namespace larder::testing {

struct CompiledModelCase {
    std::string name;
    std::function<std::shared_ptr<ov::Model>()> make;
    ov::AnyMap properties;
    bool has_generated_names = false;  // by each import: then no export has the bytes of another
};

[[nodiscard]] std::vector<CompiledModelCase> compiled_model_cases();

// Deterministic; of every type that the models take. Dynamic dimensions become 7.
[[nodiscard]] ov::Tensor tensor_for(const ov::Output<const ov::Node>& input);

}  // namespace larder::testing
