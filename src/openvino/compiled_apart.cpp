#include "openvino/compiled_apart.h"

#include <utility>

#include <openvino/op/constant.hpp>

#include "openvino/export_model.h"
#include "openvino/model_walk.h"

namespace larder::internal::openvino {

CompiledApart::CompiledApart(const ov::CompiledModel& compiled, std::string device,
                             const ov::Model& source)
    : compiled_(compiled), device_(std::move(device)) {
    walk(source, [this](const ov::Node& node) {
        if (ov::is_type<ov::op::v0::Constant>(&node)) {
            constants_.push_back(node.shared_from_this());
        }
    });
}

Result<void> CompiledApart::export_blob(runtime::BlobSink& sink) {
    return export_model(compiled_, device_, sink);
}

}  // namespace larder::internal::openvino
