#include "openvino/refused_operation.h"

#include <sstream>
#include <string_view>

#include <openvino/core/node.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/runtime/properties.hpp>

namespace larder::internal::openvino {
namespace {

// The CPU plugin of 2026.4.1 loses run-time information of it (the number and size of heads), and
// refuses the blob without it.
constexpr std::string_view k_in_doubt = "PagedAttentionExtension";

std::shared_ptr<ov::Model> model_of(const ov::Node& operation) {
    ov::ParameterVector parameters;
    ov::OutputVector inputs;
    for (const auto& input : operation.inputs()) {
        parameters.push_back(std::make_shared<ov::op::v0::Parameter>(input.get_element_type(),
                                                                     input.get_partial_shape()));
        inputs.emplace_back(parameters.back());
    }
    const auto alone = operation.clone_with_new_inputs(inputs);
    alone->get_rt_info() = operation.get_rt_info();
    return std::make_shared<ov::Model>(alone->outputs(), parameters);
}

bool is_refused(ov::Core& core, const ov::Node& operation, const std::string& device,
                const ov::AnyMap& properties) {
    std::stringstream blob;
    try {
        core.compile_model(model_of(operation), device, properties).export_model(blob);
    } catch (const std::exception&) {
        return false;  // nothing was found out
    }
    auto import_properties = properties;
    import_properties.erase(ov::cache_dir.name());
    try {
        core.import_model(blob, device, import_properties);
        return false;
    } catch (const std::exception&) {
        return true;
    }
}

}  // namespace

std::string refused_operation(ov::Core& core, const ov::Model& model, const std::string& device,
                              const ov::AnyMap& properties) {
    for (const auto& operation : model.get_ops()) {
        const std::string_view type = operation->get_type_name();
        if (type != k_in_doubt) continue;
        return is_refused(core, *operation, device, properties) ? std::string(type) : "";
    }
    return {};
}

}  // namespace larder::internal::openvino
