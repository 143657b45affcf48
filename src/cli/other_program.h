// An OpenVINO with the older std::string needs a program that has it, too: `larder_old` in
// "adapters", which is built of the same sources. No string can be passed from one to the other.
#pragma once

#include <string>
#include <vector>

#include "cli/openvinos.h"
#include "cli/runtime.h"

namespace larder::cli {

// Tells whether the other program is the one that can use this OpenVINO.
[[nodiscard]] bool is_for_other_program(const OpenVino& openvino);

// Returns the path of the program that can use this OpenVINO.
[[nodiscard]] std::string program_for(const OpenVino& openvino);

// If the chosen OpenVINO is for the other program, becomes that program, with these words of the
// command line. Returns if it is not. Throws CommandError if the program cannot be run.
void become_other_program(const std::vector<std::string>& words);

// Returns a Runtime that asks the other program, for a process that cannot become that: it explains
// and repairs entries. All else throws CommandError.
[[nodiscard]] Runtime* runtime_of_other_program();

}  // namespace larder::cli
