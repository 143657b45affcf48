// Which properties decide a blob, in a form that compares.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <openvino/core/any.hpp>
#include <openvino/runtime/core.hpp>

namespace larder::internal::openvino {

// Properties of the runtime's own cache (CACHE_DIR, CACHE_MODE and the like). They say where and
// how the runtime keeps blobs, which is larder's work here: they never reach a key.
[[nodiscard]] bool is_cache_control(std::string_view name);

// The properties known to act only at run time on a device: a blob compiled with one value, and
// imported with another, behaves as one compiled with the other. Every member is proven by
// tests/openvino/run_time_properties_test.cpp, or tests/gpu/properties_test.py. `device` is a
// plain name, such as "CPU".
[[nodiscard]] const std::set<std::string, std::less<>>& run_time_properties(
    std::string_view device);
// The same for a device behind the virtual device `plugin`, such as "HETERO"; proven by
// tests/gpu/virtual_properties_test.py.
[[nodiscard]] std::set<std::string, std::less<>> run_time_properties_behind(
    std::string_view plugin, std::string_view device);

// `properties` without those of the runtime's own cache, at any depth, and however they are said.
[[nodiscard]] ov::AnyMap without_cache_control(const ov::AnyMap& properties);

// One text for one meaning: `value` is read as the type of `like` (a value the device itself
// reports), so that "YES", "true" and true are the same. No value where it has no text, such as a
// callback or a pointer. Numbers are exact: two that differ have different texts.
[[nodiscard]] std::optional<std::string> canonical_text(const ov::Any& value, const ov::Any& like);

// What a call's properties say for each device, whichever way they say it: for the device that is
// asked under "", for others under their names. `device` is a plain name, or that of a virtual
// device.
[[nodiscard]] std::map<std::string, ov::AnyMap> by_device(const ov::AnyMap& properties,
                                                          const std::string& device);

// Whether the caller asked for blobs that hold no weights.
[[nodiscard]] bool asks_for_weightless(const ov::AnyMap& properties);

}  // namespace larder::internal::openvino
