#include "openvino/device.h"

#include <algorithm>
#include <array>
#include <sstream>

#include <openvino/runtime/properties.hpp>

#include "openvino/foreign_code.h"
#include "openvino/process_inputs.h"
#include "openvino/properties.h"
#include "os/instruction_sets.h"

namespace larder::internal::openvino {
namespace {

// The version of the way in which larder makes a runtime compile and export; entries of other
// versions are not used.
//   2: in the locale "C" and the default floating-point state; before, in the program's own.
//   3: processors with other names and the same instruction sets share entries.
constexpr const char* k_rules = "3";

constexpr const char* k_cpu = "CPU";
constexpr const char* k_gpu = "GPU";

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

// "CPU(4)" is CPU with a batch size or a number of requests; "-GPU" excludes GPU.
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

std::vector<std::string> available_devices(ov::Core& core) {
    try {
        return core.get_available_devices();
    } catch (const std::exception&) {
        return {};  // compiling reports the fault
    }
}

// Tells whether there may be several devices of this kind. A request is for one of them, and that
// one reports the facts that decide its blob: its number and its UUID decide nothing, and a GPU may
// have another number at the next start.
bool is_one_of_many(const DeviceName& device) {
    return !device.is_virtual && device.plugin == k_gpu;
}

// OpenVINO's own libraries, by the devices that they make.
std::string library_of(const std::string& plugin) {
    static const std::map<std::string, std::string, std::less<>> k_libraries{
        {"CPU", "libopenvino_intel_cpu_plugin.so"},    {"GPU", "libopenvino_intel_gpu_plugin.so"},
        {"NPU", "libopenvino_intel_npu_plugin.so"},    {"HETERO", "libopenvino_hetero_plugin.so"},
        {"AUTO", "libopenvino_auto_plugin.so"},        {"MULTI", "libopenvino_auto_plugin.so"},
        {"BATCH", "libopenvino_auto_batch_plugin.so"},
    };
    const auto found = k_libraries.find(plugin);
    return found == k_libraries.end() ? std::string{} : found->second;
}

// The UUID would tell apart cards of the same make, which accept each other's blobs. Instead, these
// are the properties in which such cards can differ: some cards of one name have more memory than
// others, and the amount decides where a blob's buffers are placed.
void add_gpu_facts(ov::Core& core, const std::string& device, std::set<std::string>& names) {
    names.insert({ov::device::type.name(), "GPU_DEVICE_ID", "GPU_UARCH_VERSION"});
    const auto type = ask(core, device, ov::device::type.name());
    const auto* const memory_of_its_own = "discrete";
    if (type && canonical_text(*type, {}) == std::optional<std::string>(memory_of_its_own)) {
        names.insert("GPU_DEVICE_TOTAL_MEM_SIZE");
    }
}

void add_device_facts(ov::Core& core, const std::string& device, const std::string& prefix,
                      DeviceInputs& inputs) {
    std::set<std::string> names{ov::device::full_name.name(), ov::device::architecture.name(),
                                ov::device::capabilities.name()};
    // Only known properties are asked: for an unknown one the device throws, which costs more than
    // all the other answers.
    if (plain_plugin(device) == k_gpu) {
        add_gpu_facts(core, device, names);
    } else if (plain_plugin(device) != k_cpu) {
        names.insert({ov::device::uuid.name(), "NPU_DRIVER_VERSION", "NPU_COMPILER_VERSION"});
    }
    // The properties that the device itself says its blobs depend on. By name, because the header
    // that declares it is internal to the runtime.
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
    // Two machines whose CPUs have the same name can still differ in the code that their blobs
    // hold.
    if (plain_plugin(device) == k_cpu) inputs[prefix + "INSTRUCTION_SETS"] = os::instruction_sets();
}

void add_versions(ov::Core& core, const std::string& device, DeviceInputs& inputs) {
    try {
        for (const auto& [plugin, version] : core.get_versions(device)) {
            inputs["runtime.plugin." + plugin] = version.buildNumber;
        }
    } catch (const std::exception&) {
        // Compiling reports what is wrong with the device.
    }
    const auto plugin = plain_plugin(device);
    if (const auto library = library_of(plugin); !library.empty()) {
        if (const auto build = build_of(library); !build.empty()) {
            inputs["runtime.build." + plugin] = build;
        }
    }
}

using Names = std::set<std::string, std::less<>>;

// Adds the properties of a call, each read as the type that it has in `effective`.
void add_given(const ov::AnyMap& given, const std::string& prefix, const ov::AnyMap& effective,
               const Names& left_out, DeviceInputs& inputs, std::string& refusal) {
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

Names writable_properties(ov::Core& core, const std::string& device) {
    Names names;
    if (const auto supported = ask(core, device, ov::supported_properties.name())) {
        for (const auto& name : supported->as<std::vector<ov::PropertyName>>()) {
            if (name.is_mutable()) names.insert(name);
        }
    }
    return names;
}

// Of the properties given for a virtual device as a whole, returns those that act only at run time
// on each member that knows them.
Names run_time_properties_of_all(ov::Core& core, const DeviceName& device,
                                 const std::vector<std::string>& members, const ov::AnyMap& given) {
    auto names = run_time_properties(device.plugin);
    auto left = writable_properties(core, device.plugin);  // used by the device itself or a member
    Names known;
    for (const auto& member : members) {
        const auto at_run_time = run_time_properties_behind(device.plugin, plain_plugin(member));
        for (const auto& name : writable_properties(core, member)) {
            (at_run_time.contains(name) ? known : left).insert(name);
        }
    }
    for (const auto& [name, value] : given) {
        if (known.contains(name) && !left.contains(name)) names.insert(name);
    }
    return names;
}

// Adds the properties that are set on the core for `device`, including defaults, and those of the
// call.
void add_properties(ov::Core& core, const std::string& device, const std::string& prefix,
                    const ov::AnyMap& given, const Names& left_out, DeviceInputs& inputs,
                    std::string& refusal) {
    ov::AnyMap effective;
    for (const auto& name : writable_properties(core, device)) {
        if (left_out.contains(name) || is_cache_control(name)) continue;
        if (auto value = ask(core, device, name)) effective.emplace(name, *value);
    }
    for (const auto& [name, value] : effective) {
        if (const auto text = canonical_text(value, value)) inputs[prefix + name] = *text;
    }
    add_given(given, prefix, effective, left_out, inputs, refusal);
}

// Two contexts may wrap the same OpenCL context and still differ: compares their implementations.
class Implementation : private ov::RemoteContext {
public:
    explicit Implementation(const ov::RemoteContext& context) : ov::RemoteContext(context) {}
    [[nodiscard]] const void* get() const { return _impl.get(); }
};

bool can_export(ov::Core& core, const std::string& plugin) {
    const auto capabilities = ask(core, plugin, ov::device::capabilities.name());
    if (!capabilities) return false;
    const auto list = capabilities->as<std::vector<std::string>>();
    return std::find(list.begin(), list.end(), ov::device::capability::EXPORT_IMPORT) != list.end();
}

// Properties that name files whose content decides a blob.
constexpr std::array<std::string_view, 2> k_names_of_files{"NPUW_PLAN",
                                                           "GPU_CONV_LOOKUP_TABLE_PATH"};

// Finds the inputs that name files, and the input names for the content of those files. A value
// without a slash counts as a file only if the property can hold nothing else.
void add_files(const DeviceInputs& inputs, std::map<std::string, std::string>& files) {
    for (const auto& [name, value] : inputs) {
        if (!name.starts_with("property.") || value.empty()) continue;
        const auto property = std::string_view(name).substr(name.rfind('.') + 1);
        const bool is_file =
            std::ranges::find(k_names_of_files, property) != k_names_of_files.end();
        if (is_file || value.find('/') != std::string::npos) files[name + ".content"] = value;
    }
}

// Says why a request is bypassed: it manages blobs itself, or needs something that larder does not
// do.
std::string own_caching(const ov::AnyMap& properties) {
    if (properties.contains("CACHE_ENCRYPTION_CALLBACKS")) {
        return "the caller encrypts the cache itself";
    }
    if (properties.contains("COMPILED_BLOB")) return "the caller brings a compiled blob";
    if (properties.contains(ov::hint::model.name())) return "the caller passes a model as a hint";
    if (properties.contains("CONFIG_FILE")) {
        return "the property CONFIG_FILE brings kernels whose source larder does not see";
    }
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

std::string device_in_use(ov::Core& core, const DeviceName& device, const ov::AnyMap& properties) {
    if (!is_one_of_many(device) || device.asked != device.plugin) return device.asked;
    const auto given = properties.find(ov::device::id.name());
    const auto id = given != properties.end() ? std::optional(given->second)
                                              : ask(core, device.asked, ov::device::id.name());
    const auto text = id ? canonical_text(*id, {}) : std::nullopt;
    return text && !text->empty() ? device.plugin + "." + *text : device.asked;
}

std::vector<std::string> devices_kept_as(ov::Core& core, const std::string& device) {
    if (device != k_gpu) return {device};
    auto devices = available_devices(core);
    std::erase_if(devices, [](const auto& each) { return plain_plugin(each) != k_gpu; });
    return devices;
}

runtime::Identity identify(ov::Core& core, const DeviceName& device, const ov::AnyMap& properties) {
    runtime::Identity identity;
    auto said = by_device(properties, device.is_virtual ? device.plugin : device.asked);
    for (const auto& [name, given] : said) {
        identity.reason = own_caching(given);
        if (!identity.reason.empty()) return identity;
    }

    const auto plugin =
        device.is_virtual ? device.plugin : device_in_use(core, device, said.at(""));
    auto& inputs = identity.inputs;
    inputs["device.name"] = is_one_of_many(device) ? device.plugin : device.asked;
    inputs["runtime.larder"] = k_rules;
    inputs["runtime.openvino"] = ov::get_openvino_version().buildNumber;
    if (const auto build = build_of("libopenvino.so"); !build.empty()) {
        inputs["runtime.build.openvino"] = build;
    }
    auto devices = device.members;
    if (device.is_virtual && devices.empty()) devices = available_devices(core);
    std::string refusal;
    add_properties(core, plugin, "property.", said[""],
                   device.is_virtual ? run_time_properties_of_all(core, device, devices, said[""])
                                     : run_time_properties(plain_plugin(plugin)),
                   inputs, refusal);
    if (is_one_of_many(device) && device.asked != device.plugin) {
        // The device name and DEVICE_ID both choose the device. If they differ, the runtime refuses
        // the request, and no blob is to blame.
        const auto id = said[""].find(ov::device::id.name());
        const auto text = id == said[""].end() ? std::nullopt : canonical_text(id->second, {});
        if (text && device.plugin + "." + *text != device.asked) {
            inputs[std::string("property.") + ov::device::id.name()] = *text;
        }
    }
    add_versions(core, plugin, inputs);
    if (device.is_virtual) {
        for (const auto& member : devices) {
            add_device_facts(core, member, "device." + member + ".", inputs);
            add_properties(core, member, "property." + member + ".", said[member],
                           run_time_properties_behind(device.plugin, plain_plugin(member)), inputs,
                           refusal);
            add_versions(core, member, inputs);
        }
    } else {
        devices = {plugin};
        add_device_facts(core, plugin, "device.", inputs);
    }
    for (const auto& [name, given] : said) {
        if (name.empty() || std::ranges::find(devices, name) != devices.end()) continue;
        add_given(given, "property." + name + ".", {}, {}, inputs, refusal);
    }
    inputs.merge(process_inputs(core, devices));
    // A blob for CPU holds the graph as it was transformed for the processor's instruction sets,
    // which are inputs. A runtime that knows them checks each blob for them, too; the name of the
    // processor decides nothing more.
    if (!device.is_virtual && inputs.contains(k_instruction_set_in_use)) {
        inputs.erase(std::string("device.") + ov::device::full_name.name());
    }
    identity.code = device_libraries();
    add_files(inputs, identity.files);

    // The driver of a GPU or NPU is not among its properties; the requirements of a CPU's blobs are
    // in the inputs.
    identity.needs_more = device.plugin != k_cpu;
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

std::string obstacle_to_keeping(const ov::RemoteContext& context) {
    try {
        const auto device = context.get_device_name();
        if (plain_plugin(device) != k_gpu) return "it is for a context of the device " + device;
        // A context of a part of a GPU has no number: the facts would be those of the whole GPU.
        if (device == k_gpu) return "it is for a context of a device that has no number";
        const auto parameters = context.get_params();
        const auto type = parameters.find("CONTEXT_TYPE");
        const auto text =
            type == parameters.end() ? std::nullopt : canonical_text(type->second, {});
        if (text != std::optional<std::string>("OCL")) {
            return "it is for a context of the type '" + text.value_or("") + "'";
        }
        return {};
    } catch (const std::exception&) {
        return "it is for a context that does not tell what it is";
    }
}

bool is_default(ov::Core& core, const ov::RemoteContext& context) {
    try {
        return Implementation(context).get() ==
               Implementation(core.get_default_context(context.get_device_name())).get();
    } catch (const std::exception&) {
        return false;  // the device has no default context
    }
}

std::vector<std::string_view> unpacking_libraries_of(const DeviceName& device) {
    // Other devices have memory, or an allocator, of their own.
    if (device.plugin != k_cpu) return {};
    return {"libopenvino_intel_cpu_plugin.so"};
}

}  // namespace larder::internal::openvino
