// Decides which properties are part of the key, and brings them into a comparable form.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <openvino/core/any.hpp>
#include <openvino/runtime/core.hpp>

namespace larder::internal::openvino {

// Tells whether a property belongs to the runtime's own cache (CACHE_DIR, CACHE_MODE and the like).
// Such properties say where and how the runtime stores blobs, which larder does here: they are
// never part of a key.
[[nodiscard]] bool is_cache_control(std::string_view name);

// Returns the properties that act only at run time on a device: a blob compiled with one value, and
// imported with another, behaves as one compiled with the other. Every member is proven by
// tests/openvino/run_time_properties_test.cpp, or tests/gpu/properties_test.py. `device` is a plain
// name, such as "CPU".
[[nodiscard]] const std::set<std::string, std::less<>>& run_time_properties(
    std::string_view device);
// The same for a device behind the virtual device `plugin`, such as "HETERO"; proven by
// tests/gpu/virtual_properties_test.py.
[[nodiscard]] std::set<std::string, std::less<>> run_time_properties_behind(
    std::string_view plugin, std::string_view device);

// Returns `properties` without those of the runtime's own cache, at any depth and in any notation.
[[nodiscard]] ov::AnyMap without_cache_control(const ov::AnyMap& properties);

// Returns one text for one meaning: reads `value` as the type of `like` (a value that the device
// itself reports), so that "YES", "true" and true are the same. Returns nothing for values without
// a text, such as callbacks and pointers. Numbers are exact: two different numbers have different
// texts.
[[nodiscard]] std::optional<std::string> canonical_text(const ov::Any& value, const ov::Any& like);

// Returns a call's properties for each device, in whatever notation they were given: those of the
// requested device under "", those of other devices under their names. `device` is a plain name, or
// that of a virtual device.
[[nodiscard]] std::map<std::string, ov::AnyMap> by_device(const ov::AnyMap& properties,
                                                          const std::string& device);

// Tells whether the caller asked for blobs without weights.
[[nodiscard]] bool asks_for_weightless(const ov::AnyMap& properties);

}  // namespace larder::internal::openvino
