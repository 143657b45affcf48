// Finds the extensions that a program has added to its core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <openvino/runtime/core.hpp>

namespace larder::internal::openvino {

enum class CoreExtensions {
    none,
    libraries,  // all come from libraries that the core itself has loaded
    objects,    // the program made some: only their effect on a model shows what they are
};

// Does not change the core. Returns `objects`, which is right for any core, if the core's
// implementation is not as expected.
[[nodiscard]] CoreExtensions extensions_of(const ov::Core& core);

// The place of a core's extensions in a build of the runtime.
struct MeasuredExtensions {
    std::string_view build_id;      // of the library that has the core's code, in hex
    std::uintptr_t functions = 0;   // the core's virtual functions, from that library's beginning
    std::size_t words = 0;          // from the beginning of the core's implementation
    std::size_t own = 0;            // extensions that every core has
    std::size_t element_words = 0;  // from one extension to the next

    bool operator==(const MeasuredExtensions&) const = default;
};

[[nodiscard]] std::span<const MeasuredExtensions> extensions_measured_before();

// Measures the loaded runtime; returns nothing if its cores are not as expected. The result refers
// to `build_id`. Makes a core, which takes a millisecond.
[[nodiscard]] std::optional<MeasuredExtensions> measure_extensions(std::string& build_id);

}  // namespace larder::internal::openvino
