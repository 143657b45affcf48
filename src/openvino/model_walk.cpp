#include "openvino/model_walk.h"

#include <openvino/op/util/multi_subgraph_base.hpp>

namespace larder::internal::openvino {

void walk(const ov::Model& model, const std::function<void(const ov::Node&)>& visit) {
    for (const auto& node : model.get_ordered_ops()) {
        visit(*node);
        const auto* holder = ov::as_type<ov::op::util::MultiSubGraphOp>(node.get());
        if (holder == nullptr) continue;
        for (const auto& body : holder->get_functions()) {
            if (body) walk(*body, visit);
        }
    }
}

}  // namespace larder::internal::openvino
