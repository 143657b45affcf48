// One inference that nobody asked for.
#pragma once

#include <chrono>

#include <openvino/runtime/compiled_model.hpp>

#include "base/result.h"

namespace larder::internal::openvino {

// Runs a model whose inputs have no fixed shape once, on zeros, as short as its shapes allow: such
// a model packs weights at its first inference. One of fixed shapes has packed them by now, and is
// not run; nor is one that zeros may lead where the program's own inputs never do: with control
// flow, shapes that follow from data, operations of the program's own, texts. States belong to the
// request, which goes. Throws what the runtime throws; Errc::unsupported where it is not run, or
// does not end in time: `limit`, and on a machine that is busy with others up to four times that,
// or 20 s.
[[nodiscard]] Result<void> warm_up(ov::CompiledModel& model, std::chrono::nanoseconds limit);

}  // namespace larder::internal::openvino
