// The extensions that a program has added to its core.
#pragma once

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

}  // namespace larder::internal::openvino
