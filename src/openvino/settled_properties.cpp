#include "openvino/settled_properties.h"

#include <exception>
#include <optional>
#include <sstream>

#include <openvino/runtime/properties.hpp>

#include "openvino/properties.h"

namespace larder::internal::openvino {
namespace {

bool settles_properties(const std::string& device) {
    return device.substr(0, device.find('.')) == "GPU";
}

template <typename Asked>
std::optional<ov::Any> property_of(const Asked& ask) {
    try {
        return ask();
    } catch (const std::exception&) {
        return std::nullopt;  // it is not known there
    }
}

std::optional<ov::Any> in_force(ov::Core& core, const std::string& device,
                                const std::string& name) {
    return property_of([&] { return core.get_property(device, name, ov::AnyMap{}); });
}

template <typename T>
bool read_if(const ov::Any& like, ov::Any& value) {
    if (!like.is<T>()) return false;
    value = value.as<T>();
    return true;
}

template <typename... Types>
void read_as_one_of(const ov::Any& like, ov::Any& value) {
    try {
        static_cast<void>((read_if<Types>(like, value) || ...));
    } catch (const std::exception&) {
        // Not of that type: the device will judge it.
    }
}

}  // namespace

std::string settled_properties(ov::Core& core, const std::string& device, const ov::AnyMap& given,
                               const ov::CompiledModel& compiled) {
    std::string settled;
    if (!settles_properties(device)) return settled;
    const auto names =
        property_of([&] { return ov::Any(core.get_property(device, ov::supported_properties)); });
    if (!names) return settled;
    const auto& at_run_time = run_time_properties("GPU");
    for (const auto& name : names->as<std::vector<ov::PropertyName>>()) {
        if (!name.is_mutable() || is_cache_control(name) || at_run_time.contains(name)) continue;
        const auto of_model = property_of([&] { return compiled.get_property(name); });
        const auto before = in_force(core, device, name);
        if (!of_model || !before) continue;
        const auto said = given.find(name);
        const auto text = canonical_text(*of_model, *before);
        const auto wanted = canonical_text(said == given.end() ? *before : said->second, *before);
        if (!text || text == wanted || text->find('\n') != std::string::npos) continue;
        settled += name + '=' + *text + '\n';
    }
    return settled;
}

ov::AnyMap with_settled(ov::Core& core, const std::string& device, const ov::AnyMap& given,
                        const std::string& settled) {
    if (!settles_properties(device)) return given;
    auto properties = given;
    std::istringstream lines(settled);
    for (std::string line; std::getline(lines, line);) {
        const auto end = line.find('=');
        if (end == std::string::npos) continue;
        properties.insert_or_assign(line.substr(0, end), line.substr(end + 1));
    }
    for (auto& [name, value] : properties) {
        if (!value.is<std::string>()) continue;
        if (const auto like = in_force(core, device, name)) {
            // A number of streams shows as an integer, too, and is not taken as one.
            read_as_one_of<ov::streams::Num, bool, std::int32_t, std::uint32_t, std::int64_t,
                           std::uint64_t, float, ov::hint::Priority, ov::hint::PerformanceMode,
                           ov::hint::ExecutionMode, ov::element::Type>(*like, value);
        }
    }
    return properties;
}

}  // namespace larder::internal::openvino
