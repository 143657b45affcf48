// Models of which the CPU plugin exports a blob that it does not import again.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <string>

#include <openvino/core/model.hpp>
#include <openvino/runtime/core.hpp>

#include "runtime/runtime.h"

namespace larder::internal::openvino {

// Whether there is an operation that some builds of the plugin do not take back. Costs a pass over
// the operations.
[[nodiscard]] std::optional<runtime::Doubt> doubt_about(const ov::Model& model);

// The type of an operation because of which `device` would refuse the blob of `model`; empty if
// none is known. Where one is in doubt, a model of it alone is compiled, exported and imported;
// nothing where that failed otherwise.
[[nodiscard]] std::optional<std::string> refused_operation(ov::Core& core, const ov::Model& model,
                                                           const std::string& device,
                                                           const ov::AnyMap& properties);

// Whether an import of a blob of so many bytes may have failed because the process may have no more
// memory, or no more threads: they fail for want of memory, too, with messages of their own.
[[nodiscard]] bool is_for_want_of_memory(const std::exception& error, std::size_t blob_bytes);

}  // namespace larder::internal::openvino
