#include "openvino/port_names.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include <openvino/core/model.hpp>

#include "openvino/model_walk.h"

namespace larder::internal::openvino {
namespace {

using TensorNames = std::set<std::string>;
using Port = ov::Output<const ov::Node>;

TensorNames sorted(const std::unordered_set<std::string>& names) {
    return {names.begin(), names.end()};
}

// Tells whether the model is an IR of version 10, which has no tensor names: node names serve as
// such.
bool names_tensors_by_nodes(const ov::Model& model) {
    constexpr std::int64_t k_last_without_names = 10;
    return model.has_rt_info("version") &&
           model.get_rt_info<std::int64_t>("version") == k_last_without_names;
}

std::string name_of_source(const ov::Output<const ov::Node>& source) {
    const auto* node = source.get_node();
    const auto& name = node->get_friendly_name();
    return node->get_output_size() == 1 ? name : name + ':' + std::to_string(source.get_index());
}

const std::string& own_name_of_source(const ov::Model& model, std::size_t output) {
    return model.get_results()[output]->input_value(0).get_node()->get_friendly_name();
}

// Returns ports with names of their own, as a blob preserves them.
Ports separate_port_names(const ov::Model& model) {
    const bool by_nodes = names_tensors_by_nodes(model);
    Ports ports;
    for (const auto& parameter : model.get_parameters()) {
        auto& port = ports.inputs.emplace_back();
        port.node = parameter->get_friendly_name();
        port.tensor = sorted(parameter->output(0).get_names());
        if (by_nodes) port.tensor.insert(port.node);
    }
    for (const auto& result : model.get_results()) {
        auto& port = ports.outputs.emplace_back();
        port.node = result->get_friendly_name();
        port.tensor = sorted(result->output(0).get_names());
        port.source = name_of_source(result->input_value(0));
        if (by_nodes) port.tensor.insert(port.source);
    }
    return ports;
}

// A change is written as four fields; a field is its length, a colon and its bytes.
struct Change {
    std::string verb;  // "source", "add", "drop", or "only": replace by what is added
    std::size_t port = 0;
    std::string how;  // "suffix" of the source's own name, "node" at a place in the walk, or "name"
    std::string value;
};

// Treats the ports as one list, inputs first.
PortNames* find_port(Ports& ports, std::size_t position) {
    if (position < ports.inputs.size()) return &ports.inputs[position];
    position -= ports.inputs.size();
    return position < ports.outputs.size() ? &ports.outputs[position] : nullptr;
}

void append(std::string& text, std::string_view field) {
    text += std::to_string(field.size()) + ':';
    text += field;
}

std::string encode(const std::vector<Change>& changes) {
    std::string text;
    for (const auto& change : changes) {
        append(text, change.verb);
        append(text, std::to_string(change.port));
        append(text, change.how);
        append(text, change.value);
    }
    return text;
}

std::optional<std::size_t> parse_number(std::string_view text) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<std::string> take_field(std::string_view& text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto size = parse_number(text.substr(0, colon));
    text.remove_prefix(colon + 1);
    if (!size || *size > text.size()) return std::nullopt;
    std::string field(text.substr(0, *size));
    text.remove_prefix(*size);
    return field;
}

std::vector<Change> decode(std::string_view text) {
    std::vector<Change> changes;
    while (!text.empty()) {
        auto verb = take_field(text);
        const auto port = take_field(text);
        auto how = take_field(text);
        auto value = take_field(text);
        const auto number = port ? parse_number(*port) : std::nullopt;
        if (!number || !value) break;
        changes.push_back({std::move(*verb), *number, std::move(*how), std::move(*value)});
    }
    return changes;
}

std::vector<std::string> names_of_nodes(const ov::Model& model) {
    std::vector<std::string> names;
    walk(model, [&](const ov::Node& node) { names.push_back(node.get_friendly_name()); });
    return names;
}

class Comparison {
public:
    // Without a model, names are written literally.
    explicit Comparison(const ov::Model* model) : model_(model) {}

    void compare_tensors(const Ports& expected, const Ports& actual) {
        for (std::size_t i = 0; i < actual.inputs.size(); ++i) {
            compare_tensor(i, expected.inputs[i].tensor, actual.inputs[i].tensor);
        }
        for (std::size_t i = 0; i < actual.outputs.size(); ++i) {
            compare_tensor(actual.inputs.size() + i, expected.outputs[i].tensor,
                           actual.outputs[i].tensor);
        }
    }
    void compare_sources(const Ports& expected, const Ports& actual) {
        for (std::size_t i = 0; i < actual.outputs.size(); ++i) {
            const auto& is = actual.outputs[i].source;
            if (expected.outputs[i].source == is) continue;
            const auto port = actual.inputs.size() + i;
            const auto& own = own_name_of_source(*model_, i);
            if (is.starts_with(own) &&
                is.find_first_not_of(".:0123456789", own.size()) == is.npos) {
                changes_.push_back({"source", port, "suffix", is.substr(own.size())});
            } else {
                add("source", port, is);
            }
        }
    }
    void tell_all(std::size_t port, const TensorNames& actual) {
        changes_.push_back({"only", port, "name", {}});
        for (const auto& name : actual) add("add", port, name);
    }
    [[nodiscard]] std::string text() const { return encode(changes_); }

private:
    void compare_tensor(std::size_t port, const TensorNames& expected, const TensorNames& actual) {
        for (const auto& name : expected) {
            if (!actual.contains(name)) changes_.push_back({"drop", port, "name", name});
        }
        for (const auto& name : actual) {
            if (!expected.contains(name)) add("add", port, name);
        }
    }
    void add(const char* verb, std::size_t port, const std::string& name) {
        if (model_ != nullptr && nodes_.empty()) nodes_ = names_of_nodes(*model_);
        const auto found = std::ranges::find(nodes_, name);
        if (found == nodes_.end()) {
            changes_.push_back({verb, port, "name", name});
        } else {
            changes_.push_back({verb, port, "node", std::to_string(found - nodes_.begin())});
        }
    }

    const ov::Model* model_;
    std::vector<std::string> nodes_;
    std::vector<Change> changes_;
};

bool have_as_many(const Ports& a, const Ports& b) {
    return a.inputs.size() == b.inputs.size() && a.outputs.size() == b.outputs.size();
}

// Ports are const because they are usually shared; these are not shared yet.
void set_names(const Port& port, const PortNames& names) {
    auto* node = const_cast<ov::Node*>(port.get_node());
    if (node->get_friendly_name() != names.node) node->set_friendly_name(names.node);
    auto& tensor = node->output(port.get_index()).get_tensor();
    if (sorted(tensor.get_names()) != names.tensor) {
        tensor.set_names({names.tensor.begin(), names.tensor.end()});
    }
}

}  // namespace

Ports port_names_of(const ov::CompiledModel& compiled) {
    Ports ports;
    for (const auto& input : compiled.inputs()) {
        ports.inputs.push_back(
            {input.get_node()->get_friendly_name(), sorted(input.get_names()), {}});
    }
    for (const auto& output : compiled.outputs()) {
        const auto* node = output.get_node();
        auto& port = ports.outputs.emplace_back();
        port.node = node->get_friendly_name();
        port.tensor = sorted(output.get_names());
        if (node->get_input_size() > 0) {
            port.source = node->input_value(0).get_node()->get_friendly_name();
        }
    }
    return ports;
}

// A compiled model has one tensor for all ports of a value; it has the name of the last of them.
Ports port_names_of(const ov::Model& model) {
    auto ports = separate_port_names(model);
    std::map<std::pair<const ov::Node*, std::size_t>, const TensorNames*> last;
    const auto value_of = [&](std::size_t result) {
        const auto value = model.get_results()[result]->input_value(0);
        return std::pair<const ov::Node*, std::size_t>(value.get_node(), value.get_index());
    };
    for (std::size_t i = 0; i < ports.outputs.size(); ++i) {
        last[value_of(i)] = &ports.outputs[i].tensor;
    }
    for (std::size_t i = 0; i < ports.outputs.size(); ++i) {
        ports.outputs[i].tensor = TensorNames(*last[value_of(i)]);
    }
    for (std::size_t i = 0; i < ports.inputs.size(); ++i) {
        const auto found = last.find({model.get_parameters()[i].get(), 0});
        if (found != last.end()) ports.inputs[i].tensor = *found->second;
    }
    return ports;
}

namespace {

// Returns the outputs that share their value with another port: how the import of a blob names them
// depends on the other uses of the value.
std::vector<std::size_t> outputs_of_shared_values(const ov::Model& model) {
    std::map<std::pair<const ov::Node*, std::size_t>, std::size_t> ports;
    for (const auto& parameter : model.get_parameters()) ++ports[{parameter.get(), 0}];
    const auto value_of = [](const auto& result) {
        const auto value = result->input_value(0);
        return std::pair<const ov::Node*, std::size_t>(value.get_node(), value.get_index());
    };
    const auto& results = model.get_results();
    for (const auto& result : results) ++ports[value_of(result)];
    std::vector<std::size_t> shared;
    for (std::size_t i = 0; i < results.size(); ++i) {
        if (ports[value_of(results[i])] > 1) shared.push_back(i);
    }
    return shared;
}

}  // namespace

std::string port_changes(const ov::Model& model, const ov::CompiledModel& compiled) {
    const auto expected = port_names_of(model);
    const auto actual = port_names_of(compiled);
    if (!have_as_many(expected, actual)) return {};
    Comparison comparison(&model);
    comparison.compare_tensors(expected, actual);
    comparison.compare_sources(expected, actual);
    return comparison.text();
}

std::string port_losses(const ov::Model& model, const ov::CompiledModel& compiled) {
    const auto expected = separate_port_names(model);
    const auto actual = port_names_of(compiled);
    if (!have_as_many(expected, actual)) return {};
    Comparison comparison(nullptr);
    comparison.compare_tensors(expected, actual);
    for (const auto output : outputs_of_shared_values(model)) {
        comparison.tell_all(actual.inputs.size() + output, actual.outputs[output].tensor);
    }
    return comparison.text();
}

void apply_port_changes(std::string_view changes, const ov::Model* model, Ports& ports) {
    std::vector<std::string> nodes;
    for (const auto& change : decode(changes)) {
        auto* port = find_port(ports, change.port);
        if (port == nullptr) continue;
        auto name = change.value;
        if (change.how == "suffix") {
            const auto output = change.port - ports.inputs.size();
            if (model == nullptr || output >= ports.outputs.size()) continue;
            name = own_name_of_source(*model, output) + change.value;
        } else if (change.how == "node") {
            if (model != nullptr && nodes.empty()) nodes = names_of_nodes(*model);
            const auto place = parse_number(change.value);
            if (!place || *place >= nodes.size()) continue;
            name = nodes[*place];
        }
        if (change.verb == "source") port->source = name;
        if (change.verb == "only") port->tensor.clear();
        if (change.verb == "add") port->tensor.insert(name);
        if (change.verb == "drop") port->tensor.erase(name);
    }
}

Result<void> set_port_names(const ov::CompiledModel& compiled, const Ports& ports) {
    const auto& inputs = compiled.inputs();
    const auto& outputs = compiled.outputs();
    if (inputs.size() != ports.inputs.size() || outputs.size() != ports.outputs.size()) {
        return fail(Errc::incompatible, "the kept model has other inputs or outputs");
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) set_names(inputs[i], ports.inputs[i]);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        set_names(outputs[i], ports.outputs[i]);
        const auto* result = outputs[i].get_node();
        if (result->get_input_size() == 0) continue;
        auto* source = const_cast<ov::Node*>(result->input_value(0).get_node());
        source->set_friendly_name(ports.outputs[i].source);
    }
    return {};
}

}  // namespace larder::internal::openvino
