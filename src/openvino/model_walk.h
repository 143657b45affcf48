#pragma once

#include <functional>

#include <openvino/core/model.hpp>

namespace larder::internal::openvino {

// Visits every node; nodes of a body follow the node that holds it. The order is the same for two
// models that differ in names only.
void walk(const ov::Model& model, const std::function<void(const ov::Node&)>& visit);

}  // namespace larder::internal::openvino
