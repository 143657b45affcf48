// What the processor can do.
#pragma once

#include <string>

namespace larder::internal::os {

// The instruction sets that code may be generated for, separated by blanks: those that the
// processor has and the system lets programs use. Empty where that is not known. Asks the processor
// alone: what a program forbids itself is not left out.
[[nodiscard]] std::string instruction_sets();

}  // namespace larder::internal::os
