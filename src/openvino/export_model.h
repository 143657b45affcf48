// Exporting a compiled model, and what is to be said where that, or an import, fails.
#pragma once

#include <exception>
#include <string>

#include <openvino/runtime/compiled_model.hpp>

#include "base/result.h"
#include "runtime/runtime.h"

namespace larder::internal::openvino {

// The runtime writes and reads blobs through streams.
inline constexpr const char* k_other_streams =
    "numbers are written in another way under the C++ locale that the program has set";

// The part of an OpenVINO message that says something: its first lines name source files.
[[nodiscard]] std::string plain_message(const std::exception& error);

// As runtime::Request::export_blob; `device` is named in errors. Ends at the first byte that the
// sink does not take.
[[nodiscard]] Result<void> export_model(ov::CompiledModel& compiled, const std::string& device,
                                        runtime::BlobSink& sink);

}  // namespace larder::internal::openvino
