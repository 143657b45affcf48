// The verbs that ask OpenVINO.
#pragma once

#include "cli/context.h"
#include "cli/runtime.h"
#include "cli/verification.h"

namespace larder::cli {

[[nodiscard]] int compile(const Context& context, const CompileFlags& flags);
[[nodiscard]] int why(const Context& context, const WhyFlags& flags);
[[nodiscard]] int repair(const Context& context, const VerificationFlags& flags);

[[nodiscard]] Json explain(const Options& options, const WhyFlags& flags);
[[nodiscard]] Json repair_entries(const Options& options, const std::vector<std::string>& keys,
                                  const VerifyProgress& progress);

// The OpenVINO here, and what it says of its devices. Throws what OpenVINO throws.
[[nodiscard]] RuntimeReport describe_runtime();
// What it says of this machine. Throws what OpenVINO throws.
[[nodiscard]] std::unique_ptr<Machine> machine_here();

}  // namespace larder::cli
