#include "openvino/recorded_properties.h"

#include <optional>
#include <string_view>

#include <openvino/runtime/properties.hpp>

#include "openvino/device.h"
#include "openvino/device_values.h"
#include "openvino/properties.h"

namespace larder::internal::openvino {
namespace {

constexpr std::string_view k_prefix = "property.";
constexpr std::string_view k_content = ".content";  // of a file that a property names

}  // namespace

ov::AnyMap recorded_properties(ov::Core& core, const std::string& device,
                               const std::map<std::string, std::string>& inputs) {
    const auto parsed = parse_device(device, {});
    const auto& own = parsed.is_virtual ? parsed.plugin : parsed.asked;
    std::map<std::string, ov::AnyMap> by_name{{own, {}}};
    for (const auto& [input, value] : inputs) {
        if (!input.starts_with(k_prefix) || input.ends_with(k_content)) continue;
        // "property.NAME" or "property.MEMBER.NAME"; a member such as GPU.1 contains a dot, too.
        const auto end = input.rfind('.');
        const auto of_member = end >= k_prefix.size();
        const auto member = of_member ? input.substr(k_prefix.size(), end - k_prefix.size()) : own;
        const auto name = input.substr(end + 1);
        const auto anyway = in_force(core, member, name);
        if (anyway && canonical_text(*anyway, *anyway) == std::optional(value)) continue;
        by_name[member][name] = value;
    }
    for (auto& [member, properties] : by_name) give_types(core, member, properties);
    auto all = std::move(by_name.at(own));
    by_name.erase(own);
    ov::AnyMap nested;
    for (auto& [member, properties] : by_name) nested.emplace(member, std::move(properties));
    if (!nested.empty()) all.emplace(ov::device::properties.name(), std::move(nested));
    return all;
}

}  // namespace larder::internal::openvino
