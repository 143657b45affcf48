// Code in this process that OpenVINO did not bring, and that has a part in what it compiles.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <openvino/core/model.hpp>

#include "base/result.h"
#include "runtime/runtime.h"

namespace larder::internal::openvino {

// Where the operations of a model are coded, bodies included: constants that go through them are
// folded by that code while the model is compiled. Errc::unsupported for an operation whose code is
// in no file that is loaded.
[[nodiscard]] Result<std::vector<runtime::LoadedCode>> code_of(const ov::Model& model);

// Libraries from which a core has taken extensions, or may have: each one that is loaded.
[[nodiscard]] std::vector<runtime::LoadedCode> extension_libraries();
// The same of devices.
[[nodiscard]] std::vector<runtime::LoadedCode> device_libraries();

// The file of OpenVINO's own library `name`, as it is loaded; empty where there is none, or more.
[[nodiscard]] std::string path_of(std::string_view name);

// What the linker made of OpenVINO's own library `name` ("libopenvino.so"), as it is loaded: it
// tells builds of one version apart. Empty where that is not told.
[[nodiscard]] std::string build_of(std::string_view name);

}  // namespace larder::internal::openvino
