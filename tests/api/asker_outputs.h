#pragma once

#include <string>

#include <openvino/runtime/compiled_model.hpp>

namespace larder::testing {

// A text that is equal for equal outputs of one inference on fixed inputs; it distinguishes NaN.
[[nodiscard]] std::string digest_of_outputs(ov::CompiledModel& compiled);

}  // namespace larder::testing
