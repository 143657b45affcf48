// Finds code in this process that is not part of OpenVINO and influences what OpenVINO compiles.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <openvino/core/model.hpp>

#include "base/result.h"
#include "runtime/runtime.h"

namespace larder::internal::openvino {

// Returns the code of a model's operations, including those in bodies: while the model is compiled,
// that code folds constants that pass through the operations. Errc::unsupported if an operation's
// code is in no loaded file.
[[nodiscard]] Result<std::vector<runtime::LoadedCode>> code_of(const ov::Model& model);

// Returns the libraries that a core has taken extensions from, or may have: all that are loaded.
[[nodiscard]] std::vector<runtime::LoadedCode> extension_libraries();
// The same for devices.
[[nodiscard]] std::vector<runtime::LoadedCode> device_libraries();

// Returns the loaded file of OpenVINO's own library `name`; empty if there is none, or more than
// one.
[[nodiscard]] std::string path_of(std::string_view name);

// Returns the linker's build id of OpenVINO's own library `name` ("libopenvino.so"), as it is
// loaded: it tells builds of one version apart. Empty if there is none.
[[nodiscard]] std::string build_of(std::string_view name);

}  // namespace larder::internal::openvino
