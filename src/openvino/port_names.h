// The names that a program sees at the ports of a compiled model. An imported model has those of
// the model that its blob was made of.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <openvino/runtime/compiled_model.hpp>

#include "base/result.h"

namespace larder::internal::openvino {

struct PortNames {
    std::string node;              // of the Parameter or Result
    std::set<std::string> tensor;  // by which the port is asked for
    std::string source;            // of the node behind an output

    bool operator==(const PortNames&) const = default;
};

struct Ports {
    std::vector<PortNames> inputs;
    std::vector<PortNames> outputs;

    bool operator==(const Ports&) const = default;
};

[[nodiscard]] Ports port_names_of(const ov::CompiledModel& compiled);
// As compiling `model` gives them, but for what the compiler makes of it.
[[nodiscard]] Ports port_names_of(const ov::Model& model);

// What the compiler made of it, for `apply_port_changes`; empty mostly. In terms of the model, for
// another one that differs from it in names only.
[[nodiscard]] std::string port_changes(const ov::Model& model, const ov::CompiledModel& compiled);
// In terms of what importing the blob of `compiled` gives: some names get lost on that way.
[[nodiscard]] std::string port_losses(const ov::Model& model, const ov::CompiledModel& compiled);

// `model` is the one that `ports` are of, or null where they are those of an imported model. What
// `changes` tells of other ports, or in another way than here, is left out.
void apply_port_changes(std::string_view changes, const ov::Model* model, Ports& ports);

// Nobody else may use the compiled model yet. Errc::incompatible where it has other ports.
[[nodiscard]] Result<void> set_port_names(const ov::CompiledModel& compiled, const Ports& ports);

}  // namespace larder::internal::openvino
