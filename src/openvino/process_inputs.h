// Finds what this process, rather than the machine, changes about a blob.
#pragma once

#include <map>
#include <span>
#include <string>

#include <openvino/runtime/core.hpp>

namespace larder::internal::openvino {

// The key input with the instruction set in use.
inline constexpr const char* k_instruction_set_in_use = "process.INSTRUCTION_SET";

// Returns the name of the instruction set that the CPU device generates code for: the processor's,
// unless the program or its environment allows less. Empty if the device does not tell. `core` must
// know the device.
[[nodiscard]] std::string instruction_set_in_use(ov::Core& core);

// Returns the key inputs "process.…" for a request that is compiled for `devices`.
[[nodiscard]] std::map<std::string, std::string> process_inputs(
    ov::Core& core, std::span<const std::string> devices);

}  // namespace larder::internal::openvino
