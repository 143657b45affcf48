// Prints the outcome of compile, for scripts and for people.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/context.h"
#include "cli/failure.h"
#include "cli/json.h"
#include "cli/surroundings.h"
#include "larder/larder.hpp"

namespace larder::cli {

struct CompileReport {
    std::string model;  // as on the command line
    std::string device;
    Outcome outcome = Outcome::bypassed;
    std::string reason;
    std::string key;
    std::string object_digest;
    std::uint64_t object_bytes = 0;
    std::uint64_t kept_bytes = 0;
    Timing timing;
    std::optional<Sharing> sharing;
    Memory memory;
    // The time that compiling the model took, if known.
    std::optional<std::chrono::milliseconds> compile_time;
};

[[nodiscard]] Json compile_json(const CompileReport& report);
// Describes a model that was not compiled.
[[nodiscard]] Json compile_failure_json(const std::string& model, const std::string& device,
                                        const Failure& failure);

// Lines are printed as models become ready, so the widths of the columns are fixed in advance.
[[nodiscard]] std::string compile_titles(const Context& context, std::size_t model_width);
[[nodiscard]] std::string compile_line(const Context& context, std::size_t model_width,
                                       const CompileReport& report);

}  // namespace larder::cli
