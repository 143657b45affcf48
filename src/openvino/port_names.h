// The names that a program sees at the ports of a compiled model. An imported model has the names
// of the model that its blob was made from.
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
    std::set<std::string> tensor;  // the names by which the port is requested
    std::string source;            // of the node that an output takes its value from

    bool operator==(const PortNames&) const = default;
};

struct Ports {
    std::vector<PortNames> inputs;
    std::vector<PortNames> outputs;

    bool operator==(const Ports&) const = default;
};

[[nodiscard]] Ports port_names_of(const ov::CompiledModel& compiled);
// Returns the names that compiling `model` gives, except for changes by the compiler.
[[nodiscard]] Ports port_names_of(const ov::Model& model);

// Returns the compiler's changes for `apply_port_changes`; usually empty. They are relative to the
// model, so that they fit another one that differs in names only.
[[nodiscard]] std::string port_changes(const ov::Model& model, const ov::CompiledModel& compiled);
// The same relative to an import of the blob of `compiled`, which loses some names.
[[nodiscard]] std::string port_losses(const ov::Model& model, const ov::CompiledModel& compiled);

// `model` is the one that `ports` belong to, or null for those of an imported model. Changes of
// other ports, and changes that are not relative to what is given here, are ignored.
void apply_port_changes(std::string_view changes, const ov::Model* model, Ports& ports);

// No other thread may use the compiled model yet. Errc::incompatible if it has other ports.
[[nodiscard]] Result<void> set_port_names(const ov::CompiledModel& compiled, const Ports& ports);

}  // namespace larder::internal::openvino
