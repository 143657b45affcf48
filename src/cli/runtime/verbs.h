// The verbs that need OpenVINO.
#pragma once

#include "cli/context.h"
#include "cli/runtime.h"
#include "cli/verification.h"

namespace larder::cli {

[[nodiscard]] int compile(const Context& context, const CompileFlags& flags);
[[nodiscard]] int why(const Context& context, WhyFlags flags);
[[nodiscard]] int repair(const Context& context, const VerificationFlags& flags);

[[nodiscard]] Json explain(const Options& options, WhyFlags flags);
[[nodiscard]] Json repair_entries(const Options& options, const std::vector<std::string>& keys,
                                  const VerifyProgress& progress);

// Describes the OpenVINO of this machine and its devices. Throws OpenVINO's exceptions.
[[nodiscard]] RuntimeReport describe_runtime();
// Compiles, stores and loads small models in a larder of its own in `folder`; returns what differs
// from what OpenVINO does alone, and nothing if all is equal.
[[nodiscard]] std::string try_out(const std::filesystem::path& folder);
// Returns its answers about this machine. Throws OpenVINO's exceptions.
[[nodiscard]] std::unique_ptr<Machine> machine_here();

}  // namespace larder::cli
