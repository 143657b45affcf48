#pragma once

#include <functional>

#include <openvino/core/model.hpp>

namespace larder::internal::openvino {

// Every node, those of bodies after the node that holds them; in the same order for two models
// that differ in names only.
void walk(const ov::Model& model, const std::function<void(const ov::Node&)>& visit);

}  // namespace larder::internal::openvino
