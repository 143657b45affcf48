#include "openvino/model_names.h"

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include <openvino/runtime/properties.hpp>

#include "openvino/model_walk.h"

namespace larder::internal::openvino {
namespace {

bool is_cpu_or_gpu(const std::string& device) {
    const auto plugin = std::string_view(device).substr(0, device.find('.'));
    return plugin == "CPU" || plugin == "GPU";
}

// A compiled model that is split contains one model for each socket, and passes its own ports to
// them.
bool is_split_over_sockets(ov::Core& core, const DeviceName& device, const ov::AnyMap& properties) {
    const auto* name = ov::hint::model_distribution_policy.name();
    try {
        const auto given = properties.find(name);
        const auto value =
            given != properties.end() ? given->second : core.get_property(device.asked, name, {});
        return value.as<std::set<ov::hint::ModelDistributionPolicy>>().contains(
            ov::hint::ModelDistributionPolicy::TENSOR_PARALLEL);
    } catch (const std::exception&) {
        return false;  // the device knows no such property
    }
}

bool is_counted_up(std::string_view name, std::string_view prefix) {
    return name.starts_with(prefix) && name.size() > prefix.size() &&
           name.find_first_not_of("0123456789", prefix.size()) == std::string_view::npos;
}

// Matches "Parameter_17": a name that the runtime generates for an unnamed node or its tensor.
bool is_generated_name(std::string_view name, std::string_view type) {
    return is_counted_up(name, std::string(type) + '_') || is_counted_up(name, "Result_");
}

}  // namespace

bool names_count(ov::Core& core, const DeviceName& device, const ov::AnyMap& properties) {
    if (!device.is_virtual) {
        return !is_cpu_or_gpu(device.asked) || is_split_over_sockets(core, device, properties);
    }
    // AUTO, MULTI and BATCH pass their own ports to the devices behind them, and identify entries
    // of the runtime's own cache by names, among other things.
    if (device.plugin != "HETERO") return true;
    return device.members.empty() || !std::ranges::all_of(device.members, is_cpu_or_gpu);
}

namespace {

Digest hash_names_but(
    const ov::Model& model, Hasher hasher,
    const std::function<bool(std::string_view name, std::string_view type)>& is_left_out) {
    const auto shown = [&](const std::string& name, std::string_view type) {
        return is_left_out(name, type) ? std::string{} : name;
    };
    hasher.update_field(shown(model.get_friendly_name(), "Model"));
    walk(model, [&](const ov::Node& node) {
        const auto* type = node.get_type_name();
        hasher.update_field(shown(node.get_friendly_name(), type));
        for (const auto& output : node.outputs()) {
            std::set<std::string> names;
            for (const auto& name : output.get_names()) names.insert(shown(name, type));
            hasher.update_u64(names.size());
            for (const auto& name : names) hasher.update_field(name);
        }
    });
    return hasher.finish();
}

}  // namespace

Digest hash_names(const ov::Model& model) {
    return hash_names_but(model, Hasher("larder names 1"), [](auto name, auto type) {
        return type == "Model" ? is_counted_up(name, type) : is_generated_name(name, type);
    });
}

Digest hash_names_with_ports(const ov::Model& model) {
    return hash_names_but(model, Hasher("larder names of ports 1"), [](auto name, auto type) {
        if (type == "Model") return is_counted_up(name, type);
        return type != "Parameter" && type != "Result" && is_generated_name(name, type);
    });
}

Digest hash_all_names(const ov::Model& model) {
    return hash_names_but(model, Hasher("larder all names 1"), [](auto, auto) { return false; });
}

}  // namespace larder::internal::openvino
