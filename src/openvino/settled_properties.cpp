#include "openvino/settled_properties.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <sstream>

#include <openvino/runtime/properties.hpp>

#include "openvino/device_values.h"
#include "openvino/properties.h"

namespace larder::internal::openvino {
namespace {

constexpr char k_end_of_device = '/';

std::string plain_name(const std::string& device) { return device.substr(0, device.find('.')); }

bool settles_properties(const std::string& device) { return plain_name(device) == "GPU"; }

template <typename Asked>
std::optional<ov::Any> property_of(const Asked& ask) {
    try {
        return ask();
    } catch (const std::exception&) {
        return std::nullopt;  // unknown to the device
    }
}

using Said = std::map<std::string, ov::AnyMap>;

void put(const Said& said, const std::string& name, ov::AnyMap& properties) {
    const auto found = said.find(name);
    if (found == said.end()) return;
    for (const auto& [property, value] : found->second) {
        properties.insert_or_assign(property, value);
    }
}

// Returns the properties given for `member`: those for its plain name, overridden by those for its
// own name.
ov::AnyMap said_of_member(const Said& said, const std::string& member) {
    ov::AnyMap properties;
    put(said, plain_name(member), properties);
    put(said, member, properties);
    return properties;
}

using AskModel = std::function<std::optional<ov::Any>(const std::string&)>;

std::string settled_on(ov::Core& core, const std::string& device, const ov::AnyMap& given,
                       const AskModel& ask, const std::string& prefix) {
    std::string settled;
    const auto names =
        property_of([&] { return ov::Any(core.get_property(device, ov::supported_properties)); });
    if (!names) return settled;
    const auto& at_run_time = run_time_properties("GPU");
    for (const auto& name : names->as<std::vector<ov::PropertyName>>()) {
        if (!name.is_mutable() || is_cache_control(name) || at_run_time.contains(name)) continue;
        const auto of_model = ask(name);
        const auto before = in_force(core, device, name);
        if (!of_model || !before) continue;
        const auto said = given.find(name);
        const auto text = canonical_text(*of_model, *before);
        const auto wanted = canonical_text(said == given.end() ? *before : said->second, *before);
        if (!text || text == wanted || text->find('\n') != std::string::npos) continue;
        settled.append(prefix).append(name).append(1, '=').append(*text).append(1, '\n');
    }
    return settled;
}

// When it compiles for several devices, HETERO lets each run one request at a time; when it
// imports, it does not. Both names are internal to the runtime.
constexpr const char* k_exclusive = "EXCLUSIVE_ASYNC_REQUESTS";
constexpr const char* k_internal_properties = "INTERNAL_SUPPORTED_PROPERTIES";

bool is_split(const ov::CompiledModel& compiled) {
    const auto parts =
        property_of([&] { return compiled.get_property("HETERO_NUMBER_OF_SUBMODELS"); });
    return parts && canonical_text(*parts, {}).value_or("1") != "1";
}

bool may_be_exclusive(ov::Core& core, const std::string& device) {
    const auto names = in_force(core, device, k_internal_properties);
    if (!names || !names->is<std::vector<ov::PropertyName>>()) return false;
    return std::ranges::any_of(names->as<std::vector<ov::PropertyName>>(),
                               [](const auto& name) { return name == k_exclusive; });
}

std::string settled_behind_hetero(ov::Core& core, const ov::AnyMap& properties,
                                  const ov::CompiledModel& compiled) {
    std::string settled;
    const auto all =
        property_of([&] { return compiled.get_property(ov::device::properties.name()); });
    if (!all || !all->is<ov::AnyMap>()) return settled;
    const auto said = by_device(properties, "HETERO");
    const bool split = is_split(compiled);
    for (const auto& [member, of_member] : all->as<ov::AnyMap>()) {
        auto given = said.at("");
        for (const auto& [name, value] : said_of_member(said, member)) {
            given.insert_or_assign(name, value);
        }
        const auto prefix = member + k_end_of_device;
        if (split && !given.contains(k_exclusive) && may_be_exclusive(core, member)) {
            settled += prefix + k_exclusive + "=YES\n";
        }
        if (!settles_properties(member) || !of_member.is<ov::AnyMap>()) continue;
        const auto of_model = of_member.as<ov::AnyMap>();
        const auto ask = [&](const std::string& name) -> std::optional<ov::Any> {
            const auto found = of_model.find(name);
            return found == of_model.end() ? std::nullopt : std::optional(found->second);
        };
        settled += settled_on(core, member, given, ask, prefix);
    }
    return settled;
}

// By device; "" stands for the requested device.
Said read_settled(const std::string& settled) {
    Said said;
    std::istringstream lines(settled);
    for (std::string line; std::getline(lines, line);) {
        const auto end = line.find('=');
        if (end == std::string::npos) continue;
        const auto name = line.substr(0, end);
        const auto device = name.find(k_end_of_device);
        if (device == std::string::npos) {
            said[""].insert_or_assign(name, line.substr(end + 1));
        } else {
            said[name.substr(0, device)].insert_or_assign(name.substr(device + 1),
                                                          line.substr(end + 1));
        }
    }
    return said;
}

// HETERO passes properties given for a device by its name to that device, with the highest
// precedence.
ov::AnyMap with_settled_behind_hetero(ov::Core& core, const ov::AnyMap& properties,
                                      const Said& settled) {
    if (settled.empty()) return properties;
    auto said = by_device(properties, "HETERO");
    for (const auto& [member, of_member] : settled) {
        if (member.empty()) continue;
        auto whole = said_of_member(said, member);
        for (const auto& [name, value] : of_member) whole.insert_or_assign(name, value);
        give_types(core, member, said.at(""));
        said.insert_or_assign(member, std::move(whole));
    }
    auto all = std::move(said.at(""));
    said.erase("");
    ov::AnyMap nested;
    for (auto& [member, of_member] : said) {
        give_types(core, member, of_member);
        nested.emplace(member, std::move(of_member));
    }
    all.insert_or_assign(ov::device::properties.name(), std::move(nested));
    return all;
}

}  // namespace

std::string settled_properties(ov::Core& core, const DeviceName& device,
                               const ov::AnyMap& properties, const ov::CompiledModel& compiled) {
    if (device.plugin == "HETERO") return settled_behind_hetero(core, properties, compiled);
    const auto said = by_device(properties, device.asked);
    const auto in_use = device_in_use(core, device, said.at(""));
    if (device.is_virtual || !settles_properties(in_use)) return {};
    const auto ask = [&](const std::string& name) {
        return property_of([&] { return compiled.get_property(name); });
    };
    return settled_on(core, in_use, said.at(""), ask, {});
}

std::string settled_beside_cache(ov::Core& core, const DeviceName& device,
                                 const std::string& settled) {
    // Known by name only: the header that declares it is the runtime's own.
    const auto list = in_force(core, device.plugin, "CACHING_PROPERTIES");
    if (!list || !list->is<std::vector<ov::PropertyName>>()) return {};
    const auto& names = list->as<std::vector<ov::PropertyName>>();
    std::string left;
    std::istringstream lines(settled);
    for (std::string line; std::getline(lines, line);) {
        const auto name = line.substr(0, line.find('='));
        const auto is_it = [&](const std::string& each) { return each == name; };
        if (std::ranges::none_of(names, is_it)) left += line + '\n';
    }
    return left;
}

ov::AnyMap with_settled(ov::Core& core, const DeviceName& device, const ov::AnyMap& properties,
                        const std::string& settled) {
    const auto by_member = read_settled(settled);
    if (device.plugin == "HETERO") return with_settled_behind_hetero(core, properties, by_member);
    const auto in_use = device_in_use(core, device, by_device(properties, device.asked).at(""));
    if (device.is_virtual || !settles_properties(in_use)) return properties;
    auto all = properties;
    put(by_member, "", all);
    give_types(core, in_use, all);
    return all;
}

}  // namespace larder::internal::openvino
