// Detects models for which the CPU plugin exports a blob that it refuses to import.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <string>

#include <openvino/core/model.hpp>
#include <openvino/runtime/core.hpp>

#include "runtime/runtime.h"

namespace larder::internal::openvino {

// Tells whether the model has an operation that some builds of the plugin refuse to import. Costs a
// pass over the operations.
[[nodiscard]] std::optional<runtime::Doubt> doubt_about(const ov::Model& model);

// Returns the type of an operation because of which `device` would refuse the blob of `model`;
// empty if none is known. To decide about an operation, compiles, exports and imports a model of it
// alone; returns nothing if that failed for another reason.
[[nodiscard]] std::optional<std::string> refused_operation(ov::Core& core, const ov::Model& model,
                                                           const std::string& device,
                                                           const ov::AnyMap& properties);

// Tells whether an import of a blob of this size may have failed because the process is at its
// limit of memory or threads: a lack of threads also shows as a lack of memory, with other
// messages.
[[nodiscard]] bool is_for_want_of_memory(const std::exception& error, std::size_t blob_bytes);

}  // namespace larder::internal::openvino
