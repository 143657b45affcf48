// The methods of a request that deal with names.
#include "openvino/model_names.h"
#include "openvino/port_names.h"
#include "openvino/request.h"

namespace larder::internal::openvino {

bool Request::names_count() {
    if (!names_count_) names_count_ = openvino::names_count(core_, device_, properties_);
    // BATCH finds on the device by names what it passes on.
    return *names_count_ || (model_ && may_be_wrapped());
}

std::optional<Digest> Request::fingerprint_names() {
    if (!input_.model || !names_count()) return std::nullopt;
    // By these the runtime itself looks for what it keeps: a model with others is compiled anew.
    if ((device_.is_virtual && device_.plugin != "HETERO") || may_be_wrapped()) {
        return hash_names_with_ports(*input_.model);
    }
    return openvino::hash_names(*input_.model);
}

std::optional<Digest> Request::hash_names() { return hash_all_names(*model()); }

std::unique_ptr<runtime::Request> Request::with_model_in(const std::string& path) {
    if (names_count()) return nullptr;
    const auto target = context_ ? Target(*context_) : Target(device_.asked);
    auto request =
        std::make_unique<Request>(core_, ModelInput{path, nullptr, nullptr}, target, properties_);
    // Its blobs lack weights, and take them from the file.
    if (request->exports_without_weights()) return nullptr;
    return request;
}

std::string Request::input_shapes() {
    constexpr std::size_t k_characters_max = 500;
    std::string text;
    if (!compiled_) return text;
    for (const auto& input : compiled_->inputs()) {
        const auto name = input.get_names().empty() ? std::string{} : input.get_any_name();
        text += (text.empty() ? "" : " ") + name + input.get_partial_shape().to_string();
        if (text.size() > k_characters_max) return text.substr(0, k_characters_max) + "…";
    }
    return text;
}

std::string Request::port_names() {
    if (!model_ || !compiled_ || names_count()) return {};
    return input_.model ? port_changes(*model_, *compiled_) : port_losses(*model_, *compiled_);
}

std::string Request::port_names_asked_otherwise() {
    if (!model_ || !compiled_ || names_count()) return {};
    return input_.model ? port_losses(*model_, *compiled_) : port_changes(*model_, *compiled_);
}

Result<void> Request::name_ports() {
    // The runtime itself may look them up.
    if (names_count()) return {};
    if (!input_.model && port_changes_.empty()) return {};
    auto ports = input_.model ? port_names_of(*input_.model) : port_names_of(*compiled_);
    apply_port_changes(port_changes_, input_.model.get(), ports);
    return set_port_names(*compiled_, ports);
}

}  // namespace larder::internal::openvino
