// The instruction sets of the processor.
#pragma once

#include <string>

namespace larder::internal::os {

// Returns the instruction sets that code may be generated for, separated by blanks: those that the
// processor has and the system lets programs use. Empty if unknown. Asks only the processor:
// includes sets that a program forbids itself.
[[nodiscard]] std::string instruction_sets();

}  // namespace larder::internal::os
