#include "openvino/graph_fingerprint.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <openvino/core/model.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/util/variable.hpp>
#include <openvino/op/util/variable_extension.hpp>

#include "openvino/graph_hasher.h"
#include "openvino/model_walk.h"

namespace larder::internal::openvino {

std::string text_of(const ov::PartialShape& shape) {
    if (shape.rank().is_dynamic()) return "[...]";
    std::string text = "[";
    for (const auto& dimension : shape) {
        if (text.size() > 1) text += ',';
        const auto least = dimension.get_min_length();
        const auto most = dimension.get_max_length();
        if (least == most) {
            text += std::to_string(least);
        } else if (least == 0 && most == -1) {
            text += '?';
        } else {
            if (least > 0) text += std::to_string(least);
            text += "..";
            if (most != -1) text += std::to_string(most);
        }
    }
    return text + "]";
}

// Adds which dimensions are declared equal, because the runtime may rely on that. Numbers them in
// order of appearance.
void GraphHasher::add_symbols(const ov::PartialShape& shape) {
    if (shape.rank().is_dynamic()) return;
    std::uint64_t position = 0;
    for (const auto& dimension : shape) {
        if (dimension.has_symbol()) {
            const auto symbol = ov::symbol::ancestor_of(dimension.get_symbol());
            add_number("symbol", position);
            add_number({}, symbols_.emplace(symbol.get(), symbols_.size()).first->second);
        }
        ++position;
    }
}

void GraphHasher::add_tensors(const ov::Node& node) {
    add_number("outputs", node.get_output_size());
    for (std::size_t i = 0; i < node.get_output_size(); ++i) {
        const auto& tensor = node.get_output_tensor(i);
        const auto& shape = tensor.get_partial_shape();
        add_field(tensor.get_element_type().to_string(), text_of(shape));
        add_symbols(shape);
        add_run_time_information(node.output(i).get_rt_info());
    }
}

void GraphHasher::add_node(const ov::Node& node, const Positions& positions) {
    const auto& type = node.get_type_info();
    add_field(type.name, type.version_id != nullptr ? type.version_id : "");
    add_number("inputs", node.get_input_size());
    for (std::size_t i = 0; i < node.get_input_size(); ++i) {
        const auto input = node.input(i);
        const auto source = input.get_source_output();
        add_number({}, positions.at(source.get_node()));
        add_number({}, source.get_index());
        add_run_time_information(input.get_rt_info());
    }
    for (const auto& dependency : node.get_control_dependencies()) {
        const auto found = positions.find(dependency.get());
        if (found != positions.end()) add_number("after", found->second);
    }
    add_run_time_information(node.get_rt_info());
    add_tensors(node);
    if (const auto* constant = ov::as_type<const ov::op::v0::Constant>(&node)) {
        if (constant->get_element_type() == ov::element::string) {
            for (const auto& text : constant->cast_vector<std::string>()) add_field({}, text);
        } else {
            add_buffer("value", {static_cast<const std::byte*>(constant->get_data_ptr()),
                                 constant->get_byte_size()});
        }
        return;
    }
    AttributeHasher visitor(*this);
    // visit_attributes is not const because visitors may also write; this one only reads.
    const_cast<ov::Node&>(node).visit_attributes(visitor);
}

// A transformation (such as paged attention) may leave variables behind that no node reads or
// assigns any more, in any order: they decide nothing and are skipped.
void GraphHasher::add_variables(const ov::Model& model) {
    if (model.get_variables().empty()) {
        add_number("variables", 0);
        return;
    }
    std::set<std::string> used;
    walk(model, [&](const ov::Node& node) {
        const auto* access = dynamic_cast<const ov::op::util::VariableExtension*>(&node);
        if (access != nullptr) used.insert(access->get_variable_id());
    });
    std::vector<ov::op::util::VariableInfo> variables;
    for (const auto& variable : model.get_variables()) variables.push_back(variable->get_info());
    const auto unused = std::ranges::stable_partition(
        variables, [&](const auto& info) { return used.contains(info.variable_id); });
    std::ranges::sort(unused, {}, &ov::op::util::VariableInfo::variable_id);
    if (variable_order_ == VariableOrder::does_not_count) {
        std::ranges::sort(variables, {}, &ov::op::util::VariableInfo::variable_id);
    }
    add_number("variables", variables.size());
    for (const auto& info : variables) {
        add_field(info.variable_id, info.data_type.to_string());
        add_field("shape", info.data_shape.to_string());
    }
}

void GraphHasher::add_model(const ov::Model& model) {
    Positions positions;
    const auto nodes = model.get_ordered_ops();
    positions.reserve(nodes.size());
    add_number("nodes", nodes.size());
    for (const auto& node : nodes) {
        positions.emplace(node.get(), positions.size());
        add_node(*node, positions);
    }
    const auto add_positions = [&](std::string_view name, const auto& list) {
        add_number(name, list.size());
        for (const auto& node : list) add_number({}, positions.at(node.get()));
    };
    add_positions("parameters", model.get_parameters());
    add_positions("results", model.get_results());
    add_positions("sinks", model.get_sinks());
    add_variables(model);
    add_run_time_information(model.get_rt_info());
}

Result<Digest> GraphHasher::finish(runtime::MemoryHasher& memory) {
    if (refusal_) return fail(Errc::unsupported, "cannot fingerprint " + *refusal_);
    const auto digests = memory.hash(buffers_);
    if (!digests) return fail(digests.error());
    for (const auto& digest : *digests) hasher_.update(std::as_bytes(std::span(digest.bytes)));
    return hasher_.finish();
}

Result<Digest> fingerprint_graph(const ov::Model& model, runtime::MemoryHasher& hasher,
                                 VariableOrder order) {
    try {
        GraphHasher graph(order);
        graph.add_model(model);
        return graph.finish(hasher);
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        // Behind where in the runtime's sources it happened, which is a line of its own.
        std::string_view text = error.what();
        const auto line_end = text.find('\n');
        if (text.starts_with("Exception from ") && line_end != std::string_view::npos) {
            text.remove_prefix(line_end + 1);
        }
        text = text.substr(0, text.find('\n'));
        return fail(Errc::unsupported,
                    "cannot fingerprint the model in memory: " + std::string(text));
    }
}

}  // namespace larder::internal::openvino
