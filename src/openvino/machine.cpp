#include "openvino/machine.h"

#include <algorithm>
#include <string_view>

#include <openvino/core/version.hpp>
#include <openvino/runtime/properties.hpp>

#include "openvino/compat.h"
#include "openvino/device.h"
#include "openvino/process_inputs.h"
#include "process/known_state.h"

namespace larder::internal::openvino {
namespace {

constexpr std::string_view k_device_inputs = "device.";

std::string value_of(const Machine::Inputs& inputs, const std::string& name) {
    const auto found = inputs.find(name);
    return found == inputs.end() ? std::string{} : found->second;
}

// Replaces the instruction set in the requirements by the one in use here. A program that allows
// its devices fewer instructions than the processor has makes blobs that only such programs accept,
// which does not make an entry incompatible with this machine. The processor's own instruction sets
// are a fact of the device.
std::string with_own_instruction_set(ov::Core& core, const std::string& requirements) {
    constexpr std::string_view k_name = ";isa=";
    const auto at = requirements.find(k_name);
    if (at == std::string::npos) return requirements;
    const auto begin = at + k_name.size();
    const auto end = std::min(requirements.find(';', begin), requirements.size());
    auto text = requirements;
    return text.replace(begin, end - begin, instruction_set_in_use(core));
}

// Tells whether an input depends on the process: a process may restrict what its CPU device
// reports. The processor's own abilities are an input of their own.
bool is_of_process(const std::string& name, const Machine::Inputs& inputs) {
    constexpr std::string_view k_capabilities = "OPTIMIZATION_CAPABILITIES";
    if (!name.ends_with(k_capabilities)) return false;
    return inputs.contains(name.substr(0, name.size() - k_capabilities.size()) +
                           "INSTRUCTION_SETS");
}

// Tells whether all facts about the device in `here` are the same as in the entry.
bool is_of_device(const Machine::Inputs& kept, const Machine::Inputs& here) {
    return std::ranges::all_of(kept, [&](const auto& input) {
        const auto found = here.find(input.first);
        return !input.first.starts_with(k_device_inputs) || found == here.end() ||
               found->second == input.second;
    });
}

}  // namespace

runtime::Compatibility check(ov::Core& core, const std::string& device,
                             const std::string& requirements) {
    if (requirements.empty()) return runtime::Compatibility::unknown;
    try {
        const ov::AnyMap asked{{compat::k_runtime_requirements, requirements}};
        const auto answer =
            core.get_property(device, compat::k_compatibility_check, asked).as<std::string>();
        if (answer == "SUPPORTED") return runtime::Compatibility::accepted;
        if (answer == "UNSUPPORTED") return runtime::Compatibility::refused;
    } catch (const std::exception&) {
        // The device cannot tell; the import will.
    }
    return runtime::Compatibility::unknown;
}

const Machine::Inputs& Machine::inputs(const Inputs& kept) {
    static const Inputs k_none;
    const auto priorities =
        value_of(kept, std::string("property.") + ov::device::priorities.name());
    const Inputs* first = &k_none;
    for (const auto& device : devices_kept_as(core_, value_of(kept, "device.name"))) {
        const auto& here = inputs_of(device, priorities);
        if (is_of_device(kept, here)) return here;
        if (first->empty()) first = &here;
    }
    return *first;
}

const Machine::Inputs& Machine::inputs_of(const std::string& device,
                                          const std::string& priorities) {
    const auto [known, is_new] = inputs_.try_emplace({device, priorities});
    if (!is_new || device.empty()) return known->second;
    const process::KnownState known_state;
    ov::AnyMap properties;
    if (!priorities.empty()) properties[ov::device::priorities.name()] = priorities;
    const auto identity = identify(core_, parse_device(device, properties), properties);
    if (identity.caching == runtime::Caching::none) return known->second;
    for (const auto& [name, value] : identity.inputs) {
        if (is_of_process(name, identity.inputs)) continue;
        if (name.starts_with(k_device_inputs) || name.starts_with("runtime.")) {
            known->second.emplace(name, value);
        }
    }
    return known->second;
}

bool Machine::refuses(const std::string& device, const std::string& requirements) {
    const auto [known, is_new] = refusals_.try_emplace({device, requirements});
    if (is_new) {
        const process::KnownState known_state;
        const auto refuse = [&](const std::string& text) {
            const auto devices = devices_kept_as(core_, device);
            return !devices.empty() && std::ranges::all_of(devices, [&](const auto& each) {
                return check(core_, each, text) == runtime::Compatibility::refused;
            });
        };
        known->second =
            refuse(requirements) && refuse(with_own_instruction_set(core_, requirements));
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
        // There are no devices to ask.
    }
    for (const auto& device : devices) {
        try {
            // By name, because the header that declares them is internal to the runtime.
            const auto answer =
                core_.get_property(device, "COMPILED_MODEL_RUNTIME_PROPERTIES_SUPPORTED",
                                   {{"COMPILED_MODEL_RUNTIME_PROPERTIES", runtime_info}});
            told = true;
            if (answer.as<bool>()) return known->second = true;
        } catch (const std::exception&) {
            // The device does not know this property.
        }
    }
    return known->second = !told;
}

}  // namespace larder::internal::openvino
