#include "openvino/device.h"

#include <algorithm>
#include <sstream>

#include <openvino/runtime/properties.hpp>

#include "openvino/properties.h"

namespace larder::internal::openvino {
namespace {

// How larder makes a runtime compile and export: entries made in another way are not served.
//   2: in the locale "C" and the default floating-point state; before, in the program's own.
constexpr const char* k_rules = "2";

using DeviceInputs = std::map<std::string, std::string>;

bool schedules_onto_others(const std::string& plugin) {
    return plugin == "AUTO" || plugin == "MULTI" || plugin == "BATCH" || plugin == "HETERO";
}

std::string trimmed(std::string text) {
    const auto space = [](unsigned char c) { return std::isspace(c) != 0; };
    text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), space));
    text.erase(std::find_if_not(text.rbegin(), text.rend(), space).base(), text.end());
    return text;
}

// "CPU(4)" names CPU with a batch size or a number of requests; "-GPU" leaves GPU out.
std::string member_name(const std::string& item) { return trimmed(item.substr(0, item.find('('))); }

std::vector<std::string> split_members(const std::string& list) {
    std::vector<std::string> members;
    std::istringstream items(list);
    for (std::string item; std::getline(items, item, ',');) {
        const auto name = member_name(item);
        if (!name.empty() && name.front() != '-') members.push_back(name);
    }
    return members;
}

std::string plain_plugin(const std::string& device) { return device.substr(0, device.find('.')); }

std::optional<ov::Any> ask(ov::Core& core, const std::string& device, const std::string& name) {
    try {
        return core.get_property(device, name, ov::AnyMap{});
    } catch (const std::exception&) {
        return std::nullopt;  // a device need not know a property
    }
}

// Two machines whose CPUs share a name can still differ in what code their blobs hold.
std::string instruction_sets() {
    std::string text;
#if defined(__x86_64__)
    const auto add = [&](bool has, const char* name) {
        if (has) text += (text.empty() ? "" : " ") + std::string(name);
    };
    add(__builtin_cpu_supports("sse4.2") != 0, "sse4.2");
    add(__builtin_cpu_supports("avx") != 0, "avx");
    add(__builtin_cpu_supports("avx2") != 0, "avx2");
    add(__builtin_cpu_supports("fma") != 0, "fma");
    add(__builtin_cpu_supports("avx512f") != 0, "avx512f");
    add(__builtin_cpu_supports("avx512bw") != 0, "avx512bw");
    add(__builtin_cpu_supports("avx512vnni") != 0, "avx512vnni");
    add(__builtin_cpu_supports("avx512bf16") != 0, "avx512bf16");
#endif
    return text;
}

void add_device_facts(ov::Core& core, const std::string& device, const std::string& prefix,
                      DeviceInputs& inputs) {
    std::set<std::string> names{ov::device::full_name.name(), ov::device::architecture.name(),
                                ov::device::uuid.name(),      ov::device::capabilities.name(),
                                "GPU_DRIVER_VERSION",         "NPU_DRIVER_VERSION"};
    // What the device itself says that its blobs depend on. Known by name only: the header that
    // declares it is the runtime's own.
    if (const auto list = ask(core, device, "CACHING_PROPERTIES")) {
        if (list->is<std::vector<ov::PropertyName>>()) {
            for (const auto& name : list->as<std::vector<ov::PropertyName>>()) names.insert(name);
        }
    }
    for (const auto& name : names) {
        if (const auto value = ask(core, device, name)) {
            if (const auto text = canonical_text(*value, {})) inputs[prefix + name] = *text;
        }
    }
    if (plain_plugin(device) == "CPU") inputs[prefix + "INSTRUCTION_SETS"] = instruction_sets();
}

void add_versions(ov::Core& core, const std::string& device, DeviceInputs& inputs) {
    inputs["runtime.openvino"] = ov::get_openvino_version().buildNumber;
    try {
        for (const auto& [plugin, version] : core.get_versions(device)) {
            inputs["runtime.plugin." + plugin] = version.buildNumber;
        }
    } catch (const std::exception&) {
        // Compiling will say what is wrong with the device.
    }
}

// What is set on the core for `device`, defaults included, and what the call adds.
void add_properties(ov::Core& core, const std::string& device, const std::string& prefix,
                    const ov::AnyMap& given, DeviceInputs& inputs, std::string& refusal) {
    const auto& left_out = run_time_properties(plain_plugin(device));
    std::map<std::string, ov::Any> effective;
    if (const auto supported = ask(core, device, ov::supported_properties.name())) {
        for (const auto& name : supported->as<std::vector<ov::PropertyName>>()) {
            if (!name.is_mutable() || left_out.contains(name) || is_cache_control(name)) continue;
            if (auto value = ask(core, device, name)) effective.emplace(name, *value);
        }
    }
    for (const auto& [name, value] : effective) {
        if (const auto text = canonical_text(value, value)) inputs[prefix + name] = *text;
    }
    for (const auto& [name, value] : given) {
        if (left_out.contains(name) || is_cache_control(name)) continue;
        const auto like = effective.find(name);
        const auto text = canonical_text(value, like == effective.end() ? ov::Any{} : like->second);
        if (text) {
            inputs[prefix + name] = *text;
        } else {
            refusal = "the property " + name + " holds a value that cannot be compared";
        }
    }
}

bool can_export(ov::Core& core, const std::string& plugin) {
    const auto capabilities = ask(core, plugin, ov::device::capabilities.name());
    if (!capabilities) return false;
    const auto list = capabilities->as<std::vector<std::string>>();
    return std::find(list.begin(), list.end(), ov::device::capability::EXPORT_IMPORT) != list.end();
}

// Requests that manage blobs themselves, or ask for something larder does not give.
std::string own_caching(const ov::AnyMap& properties) {
    if (properties.contains("CACHE_ENCRYPTION_CALLBACKS")) {
        return "the caller encrypts the cache itself";
    }
    if (properties.contains("COMPILED_BLOB")) return "the caller brings a compiled blob";
    if (properties.contains(ov::hint::model.name())) return "the caller passes a model as a hint";
    return {};
}

}  // namespace

DeviceName parse_device(const std::string& device, const ov::AnyMap& properties) {
    DeviceName name;
    name.asked = device;
    const auto colon = device.find(':');
    name.plugin = plain_plugin(trimmed(device.substr(0, colon)));
    name.is_virtual = schedules_onto_others(name.plugin);
    if (colon != std::string::npos) name.members = split_members(device.substr(colon + 1));
    const auto priorities = properties.find(ov::device::priorities.name());
    if (name.members.empty() && priorities != properties.end()) {
        if (const auto text = canonical_text(priorities->second, {})) {
            name.members = split_members(*text);
        }
    }
    return name;
}

runtime::Identity identify(ov::Core& core, const DeviceName& device, const ov::AnyMap& properties) {
    runtime::Identity identity;
    identity.reason = own_caching(properties);
    if (!identity.reason.empty()) return identity;

    auto& inputs = identity.inputs;
    const std::string& plugin = device.is_virtual ? device.plugin : device.asked;
    inputs["device.name"] = device.asked;
    inputs["runtime.larder"] = k_rules;
    add_versions(core, plugin, inputs);
    std::string refusal;
    add_properties(core, plugin, "property.", properties, inputs, refusal);
    if (device.is_virtual) {
        auto members = device.members;
        try {
            if (members.empty()) members = core.get_available_devices();
        } catch (const std::exception&) {
            // No device at all: compiling will say so.
        }
        for (const auto& member : members) {
            add_versions(core, member, inputs);
            add_device_facts(core, member, "device." + member + ".", inputs);
            add_properties(core, member, "property." + member + ".", {}, inputs, refusal);
        }
    } else {
        add_device_facts(core, plugin, "device.", inputs);
    }

    if (!refusal.empty()) {
        identity.reason = refusal;
    } else if (can_export(core, plugin)) {
        identity.caching = runtime::Caching::blob;
    } else if (device.is_virtual) {
        identity.caching = runtime::Caching::directory;
    } else {
        identity.reason = "the device " + device.asked + " cannot export compiled models";
    }
    return identity;
}

std::vector<std::string_view> unpacking_libraries_of(const DeviceName& device) {
    // Other devices have memory, or an allocator, of their own.
    if (device.plugin != "CPU") return {};
    return {"libopenvino_intel_cpu_plugin.so"};
}

}  // namespace larder::internal::openvino
