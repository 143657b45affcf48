#include "openvino/device_values.h"

#include <cstdint>
#include <type_traits>

#include <openvino/runtime/properties.hpp>

namespace larder::internal::openvino {
namespace {

// Releases before 2025.1 read "YES" as a bool, but not the canonical text.
template <typename T>
T parsed(const ov::Any& value) {
    if constexpr (std::is_same_v<T, bool>) {
        const auto& text = value.as<std::string>();
        if (text == "true" || text == "false") return text == "true";
    }
    return value.as<T>();
}

template <typename T>
bool read_if(const ov::Any& like, ov::Any& value) {
    if (!like.is<T>()) return false;
    value = parsed<T>(value);
    return true;
}

template <typename... Types>
void read_as_one_of(const ov::Any& like, ov::Any& value) {
    try {
        static_cast<void>((read_if<Types>(like, value) || ...));
    } catch (const std::exception&) {
        // The value does not have that type; the device will judge it.
    }
}

}  // namespace

std::optional<ov::Any> in_force(ov::Core& core, const std::string& device,
                                const std::string& name) {
    try {
        return core.get_property(device, name, ov::AnyMap{});
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

void give_types(ov::Core& core, const std::string& device, ov::AnyMap& properties) {
    for (auto& [name, value] : properties) {
        if (!value.is<std::string>()) continue;
        if (const auto like = in_force(core, device, name)) {
            // A number of streams also reads as an integer, but is not accepted as one: try its own
            // type first.
            read_as_one_of<ov::streams::Num, bool, std::int32_t, std::uint32_t, std::int64_t,
                           std::uint64_t, float, ov::hint::Priority, ov::hint::PerformanceMode,
                           ov::hint::ExecutionMode, ov::element::Type>(*like, value);
        }
    }
}

}  // namespace larder::internal::openvino
