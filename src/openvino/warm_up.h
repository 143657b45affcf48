// Runs one inference that the program did not ask for.
#pragma once

#include <chrono>

#include <openvino/runtime/compiled_model.hpp>

#include "base/result.h"

namespace larder::internal::openvino {

// Runs a model whose inputs have no fixed shape once, on zeros, with the smallest shapes that it
// allows: such a model packs weights at its first inference. A model of fixed shapes has packed
// them already, and is not run. Neither is a model that zeros may lead where the program's own
// inputs never do: with control flow, shapes that follow from data, operations of the program's
// own, or strings. States belong to the request, which is discarded. Throws the runtime's
// exceptions. Errc::unsupported if the model is not run, or does not end in time: within `limit`,
// and on a machine that is busy with other work up to four times that, or 20 s.
[[nodiscard]] Result<void> warm_up(ov::CompiledModel& model, std::chrono::nanoseconds limit);

}  // namespace larder::internal::openvino
