#include "openvino/auto_batch.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <string>

#include <openvino/op/parameter.hpp>
#include <openvino/runtime/properties.hpp>

#include "openvino/properties.h"

namespace larder::internal::openvino {
namespace {

std::optional<std::string> text_in_force(ov::Core& core, const std::string& device,
                                         const ov::AnyMap& given, const char* name) {
    if (const auto said = given.find(name); said != given.end()) {
        return canonical_text(said->second, {});
    }
    try {
        return canonical_text(core.get_property(device, name, ov::AnyMap{}), {});
    } catch (const std::exception&) {
        return std::nullopt;  // the device does not know it
    }
}

bool is_of_batch_one(const ov::op::v0::Parameter& input) {
    const auto& shape = input.get_partial_shape();
    return shape.is_static() && !shape.to_shape().empty() && shape.to_shape().front() == 1;
}

}  // namespace

bool may_be_batched(ov::Core& core, const DeviceName& device, const ov::AnyMap& properties,
                    const ov::Model& model) {
    if (device.is_virtual || device.plugin != "GPU") return false;
    const auto given = by_device(properties, device.asked).at("");
    const auto in_use = device_in_use(core, device, given);
    const auto hint = text_in_force(core, in_use, given, ov::hint::performance_mode.name());
    if (hint != std::optional<std::string>("THROUGHPUT")) return false;
    return std::ranges::any_of(model.get_parameters(),
                               [](const auto& input) { return is_of_batch_one(*input); });
}

bool is_batched(const ov::CompiledModel& compiled) {
    try {
        const auto names = compiled.get_property(ov::supported_properties);
        return std::ranges::find(names, ov::auto_batch_timeout.name()) != names.end();
    } catch (const std::exception&) {
        return false;  // the device does not tell
    }
}

}  // namespace larder::internal::openvino
