// The extensions that a program has added to its core.
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
    libraries,  // all of them come from libraries that the core itself has loaded
    objects,    // some were made by the program: only what they do to a model shows what they are
};

// Changes nothing about the core. Where its insides are not as expected: objects, which is right
// for any core.
[[nodiscard]] CoreExtensions extensions_of(const ov::Core& core);

// Where a build of the runtime keeps the extensions of a core.
struct MeasuredExtensions {
    std::string_view build_id;     // of the library that has the core's code, in hex
    std::uintptr_t functions = 0;  // the core's virtual functions, from that library's beginning
    std::size_t words = 0;         // from the beginning of the core's implementation
    std::size_t own = 0;           // extensions that every core has

    bool operator==(const MeasuredExtensions&) const = default;
};

[[nodiscard]] std::span<const MeasuredExtensions> extensions_measured_before();

// Of the runtime that is loaded; absent where its cores are not as expected. The result refers to
// `build_id`. Makes a core, which takes a millisecond.
[[nodiscard]] std::optional<MeasuredExtensions> measure_extensions(std::string& build_id);

}  // namespace larder::internal::openvino
