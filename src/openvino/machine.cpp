#include "openvino/machine.h"

#include <algorithm>
#include <string_view>

#include <openvino/core/version.hpp>
#include <openvino/runtime/properties.hpp>

#include "openvino/device.h"
#include "openvino/process_inputs.h"
#include "os/known_state.h"

namespace larder::internal::openvino {
namespace {

std::string value_of(const Machine::Inputs& inputs, const std::string& name) {
    const auto found = inputs.find(name);
    return found == inputs.end() ? std::string{} : found->second;
}

// A program that allows its devices fewer instructions than the processor has makes blobs that only
// its like accept: this machine has no quarrel with them. The processor's own are a fact of the
// device.
std::string with_own_instruction_set(ov::Core& core, const std::string& requirements) {
    constexpr std::string_view k_name = ";isa=";
    const auto at = requirements.find(k_name);
    if (at == std::string::npos) return requirements;
    const auto begin = at + k_name.size();
    const auto end = std::min(requirements.find(';', begin), requirements.size());
    auto text = requirements;
    return text.replace(begin, end - begin, instruction_set_in_use(core));
}

// "GPU.0" and "GPU.1" for "GPU", where the machine has both.
std::vector<std::string> devices_called(ov::Core& core, const std::string& name) {
    std::vector<std::string> devices;
    try {
        for (auto& device : core.get_available_devices()) {
            if (device.starts_with(name + ".")) devices.push_back(std::move(device));
        }
    } catch (const std::exception&) {
        // Nobody to ask but the plugin.
    }
    if (devices.empty()) devices.push_back(name);
    return devices;
}

}  // namespace

runtime::Compatibility check(ov::Core& core, const std::string& device,
                             const std::string& requirements) {
    if (requirements.empty()) return runtime::Compatibility::unknown;
    try {
        const auto answer = core.get_property(device, ov::compatibility_check,
                                              {{ov::runtime_requirements.name(), requirements}});
        switch (answer) {
            case ov::CompatibilityCheck::SUPPORTED: return runtime::Compatibility::accepted;
            case ov::CompatibilityCheck::UNSUPPORTED: return runtime::Compatibility::refused;
            case ov::CompatibilityCheck::NOT_APPLICABLE: break;
        }
    } catch (const std::exception&) {
        // The device cannot tell: the import will.
    }
    return runtime::Compatibility::unknown;
}

const Machine::Inputs& Machine::inputs(const Inputs& kept) {
    const auto device = value_of(kept, "device.name");
    const auto& priorities_name = ov::device::priorities.name();
    const auto priorities = value_of(kept, std::string("property.") + priorities_name);
    const auto [known, is_new] = inputs_.try_emplace({device, priorities});
    if (!is_new || device.empty()) return known->second;
    const os::KnownState known_state;
    ov::AnyMap properties;
    if (!priorities.empty()) properties[priorities_name] = priorities;
    const auto identity = identify(core_, parse_device(device, properties), properties);
    if (identity.caching == runtime::Caching::none) return known->second;
    for (const auto& [name, value] : identity.inputs) {
        if (name.starts_with("device.") || name.starts_with("runtime.")) {
            known->second.emplace(name, value);
        }
    }
    return known->second;
}

bool Machine::refuses(const std::string& device, const std::string& requirements) {
    const auto [known, is_new] = refusals_.try_emplace({device, requirements});
    if (is_new) {
        const os::KnownState known_state;
        const auto own = with_own_instruction_set(core_, requirements);
        const auto refuses_it = [&](const std::string& one) {
            return check(core_, one, requirements) == runtime::Compatibility::refused &&
                   check(core_, one, own) == runtime::Compatibility::refused;
        };
        known->second = std::ranges::all_of(devices_called(core_, device), refuses_it);
    }
    return known->second;
}

std::string Machine::openvino() { return ov::get_openvino_version().buildNumber; }

bool Machine::accepts(const std::string& runtime_info) {
    const auto [known, is_new] = acceptances_.try_emplace(runtime_info);
    if (!is_new) return known->second;
    bool told = false;
    std::vector<std::string> devices;
    try {
        devices = core_.get_available_devices();
    } catch (const std::exception&) {
        // Nobody to ask.
    }
    for (const auto& device : devices) {
        try {
            // By name only: the header that declares them is the runtime's own.
            const auto answer =
                core_.get_property(device, "COMPILED_MODEL_RUNTIME_PROPERTIES_SUPPORTED",
                                   {{"COMPILED_MODEL_RUNTIME_PROPERTIES", runtime_info}});
            told = true;
            if (answer.as<bool>()) return known->second = true;
        } catch (const std::exception&) {
            // It knows no such property.
        }
    }
    return known->second = !told;
}

}  // namespace larder::internal::openvino
