#include "openvino/graph_fingerprint.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <unordered_map>
#include <vector>

#include <openvino/core/attribute_visitor.hpp>
#include <openvino/core/model.hpp>
#include <openvino/core/runtime_attribute.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/loop.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/result.hpp>
#include <openvino/op/util/framework_node.hpp>
#include <openvino/op/util/multi_subgraph_base.hpp>
#include <openvino/op/util/variable.hpp>
#include <openvino/pass/serialize.hpp>

// What a nested <rt_info> of an IR is read into. Not in the runtime's public headers.
namespace ov {
class Meta;
}

namespace larder::internal::openvino {
namespace {

using ov::op::util::MultiSubGraphOp;

// "Parameter_17": the runtime's own name for a node nobody named. It counts up in each process, and
// clones keep it, so that it tells nothing of the model.
bool is_made_up(std::string_view name, std::string_view prefix) {
    return name.starts_with(prefix) && name.size() > prefix.size() &&
           name.find_first_not_of("0123456789", prefix.size()) == std::string_view::npos;
}

// Which file a model was read from, and where in it each constant lay. They decide nothing but
// blobs without weights, which are never made of models in memory.
bool tells_origin(std::string_view name) {
    return name == "__weights_path" || name.starts_with("WeightlessCacheAttribute");
}

// Printed, it would be the address of what holds it, and differ each time a file is read. Only the
// runtime knows what is in it, and tells that in the text of a model.
std::string text_of_meta(std::string_view name, const ov::Any& value) {
    const auto input =
        std::make_shared<ov::op::v0::Parameter>(ov::element::f32, ov::PartialShape{1});
    const auto output = std::make_shared<ov::op::v0::Result>(input);
    input->set_friendly_name("input");
    output->set_friendly_name("output");
    const auto model =
        std::make_shared<ov::Model>(ov::ResultVector{output}, ov::ParameterVector{input}, "model");
    output->output(0).set_names({"output"});
    model->get_rt_info().emplace(std::string(name), value);
    std::ostringstream text;
    std::ostringstream weights;
    ov::pass::Serialize(text, weights).run_on_model(model);
    return text.str();
}

// Writes everything that reaches the compiled model into one hasher; weights only as references,
// which are hashed afterwards, all at once.
class GraphHasher {
public:
    void add_model(const ov::Model& model);
    void add_field(std::string_view name, std::string_view value) {
        hasher_.update_field(name).update_field(value);
    }
    void add_number(std::string_view name, std::uint64_t value) {
        hasher_.update_field(name).update_u64(value);
    }
    void add_buffer(std::string_view name, std::span<const std::byte> bytes) {
        hasher_.update_field(name).update_u64(bytes.size());
        buffers_.push_back(bytes);
    }
    void add_any(std::string_view name, const ov::Any& value);
    void refuse(std::string what) {
        if (!refusal_) refusal_ = std::move(what);
    }
    [[nodiscard]] Result<Digest> finish(runtime::MemoryHasher& memory);

private:
    using Positions = std::unordered_map<const ov::Node*, std::uint64_t>;

    void add_node(const ov::Node& node, const Positions& positions);
    void add_tensors(const ov::Node& node);
    void add_run_time_information(const ov::AnyMap& information);

    Hasher hasher_{"larder graph 2"};
    std::vector<std::span<const std::byte>> buffers_;
    std::optional<std::string> refusal_;
};

class AttributeHasher : public ov::AttributeVisitor {
public:
    explicit AttributeHasher(GraphHasher& out) : out_(out) {}

    using ov::AttributeVisitor::on_adapter;

    void on_adapter(const std::string& name, ov::ValueAccessor<void>& adapter) override;
    void on_adapter(const std::string& name, ov::ValueAccessor<void*>& adapter) override {
        out_.add_buffer(name, {static_cast<const std::byte*>(adapter.get_ptr()), adapter.size()});
    }
    void on_adapter(const std::string& name, ov::ValueAccessor<std::string>& a) override {
        out_.add_field(name, a.get());
    }
    void on_adapter(const std::string& name, ov::ValueAccessor<bool>& a) override {
        out_.add_number(name, a.get() ? 1 : 0);
    }
    void on_adapter(const std::string& name, ov::ValueAccessor<std::int64_t>& a) override {
        out_.add_number(name, static_cast<std::uint64_t>(a.get()));
    }
    void on_adapter(const std::string& name, ov::ValueAccessor<double>& a) override {
        out_.add_number(name, bits(a.get()));
    }
    void on_adapter(const std::string& name,
                    ov::ValueAccessor<std::shared_ptr<ov::Model>>& a) override {
        add_body(name, a.get());
    }
    void on_adapter(const std::string& name,
                    ov::ValueAccessor<std::vector<std::string>>& a) override {
        add_strings(name, a.get());
    }

    void on_adapter(const std::string& name, ov::ValueAccessor<std::int8_t>& a) override {
        out_.add_number(name, static_cast<std::uint64_t>(a.get()));
    }
    void on_adapter(const std::string& name, ov::ValueAccessor<std::int16_t>& a) override {
        out_.add_number(name, static_cast<std::uint64_t>(a.get()));
    }
    void on_adapter(const std::string& name, ov::ValueAccessor<std::int32_t>& a) override {
        out_.add_number(name, static_cast<std::uint64_t>(a.get()));
    }
    void on_adapter(const std::string& name, ov::ValueAccessor<std::uint8_t>& a) override {
        out_.add_number(name, a.get());
    }
    void on_adapter(const std::string& name, ov::ValueAccessor<std::uint16_t>& a) override {
        out_.add_number(name, a.get());
    }
    void on_adapter(const std::string& name, ov::ValueAccessor<std::uint32_t>& a) override {
        out_.add_number(name, a.get());
    }
    void on_adapter(const std::string& name, ov::ValueAccessor<std::uint64_t>& a) override {
        out_.add_number(name, a.get());
    }
    void on_adapter(const std::string& name, ov::ValueAccessor<float>& a) override {
        out_.add_number(name, bits(a.get()));
    }
    void on_adapter(const std::string& name,
                    ov::ValueAccessor<std::vector<std::int8_t>>& a) override {
        add_numbers(name, a.get());
    }
    void on_adapter(const std::string& name,
                    ov::ValueAccessor<std::vector<std::int16_t>>& a) override {
        add_numbers(name, a.get());
    }
    void on_adapter(const std::string& name,
                    ov::ValueAccessor<std::vector<std::int32_t>>& a) override {
        add_numbers(name, a.get());
    }
    void on_adapter(const std::string& name,
                    ov::ValueAccessor<std::vector<std::int64_t>>& a) override {
        add_numbers(name, a.get());
    }
    void on_adapter(const std::string& name,
                    ov::ValueAccessor<std::vector<std::uint8_t>>& a) override {
        add_numbers(name, a.get());
    }
    void on_adapter(const std::string& name,
                    ov::ValueAccessor<std::vector<std::uint16_t>>& a) override {
        add_numbers(name, a.get());
    }
    void on_adapter(const std::string& name,
                    ov::ValueAccessor<std::vector<std::uint32_t>>& a) override {
        add_numbers(name, a.get());
    }
    void on_adapter(const std::string& name,
                    ov::ValueAccessor<std::vector<std::uint64_t>>& a) override {
        add_numbers(name, a.get());
    }
    void on_adapter(const std::string& name, ov::ValueAccessor<std::vector<float>>& a) override {
        add_numbers(name, a.get());
    }
    void on_adapter(const std::string& name, ov::ValueAccessor<std::vector<double>>& a) override {
        add_numbers(name, a.get());
    }

private:
    template <typename T>
    static std::uint64_t bits(T value) {
        if constexpr (std::is_floating_point_v<T>) {
            std::uint64_t result = 0;
            std::memcpy(&result, &value, sizeof value);
            return result;
        } else {
            return static_cast<std::uint64_t>(value);
        }
    }
    template <typename T>
    void add_numbers(const std::string& name, const std::vector<T>& values) {
        out_.add_number(name, values.size());
        for (const auto value : values) out_.add_number({}, bits(value));
    }
    void add_strings(const std::string& name, const std::vector<std::string>& values) {
        out_.add_number(name, values.size());
        for (const auto& value : values) out_.add_field({}, value);
    }
    void add_body(const std::string& name, const std::shared_ptr<ov::Model>& body) {
        out_.add_number(name, body ? 1 : 0);
        if (body) out_.add_model(*body);
    }
    bool add_container(const std::string& name, ov::ValueAccessor<void>& adapter);
    bool add_subgraph_ports(const std::string& name, ov::ValueAccessor<void>& adapter);

    GraphHasher& out_;
};

bool AttributeHasher::add_container(const std::string& name, ov::ValueAccessor<void>& adapter) {
    if (auto* a = ov::as_type<ov::AttributeAdapter<ov::PartialShape>>(&adapter)) {
        out_.add_field(name, a->get().to_string());
        return true;
    }
    if (auto* a = ov::as_type<ov::AttributeAdapter<ov::Dimension>>(&adapter)) {
        std::ostringstream text;
        text << a->get();
        out_.add_field(name, text.str());
        return true;
    }
    if (auto* a = ov::as_type<ov::AttributeAdapter<ov::element::TypeVector>>(&adapter)) {
        out_.add_number(name, a->get().size());
        for (const auto& type : a->get()) out_.add_field({}, type.to_string());
        return true;
    }
    if (auto* a = ov::as_type<ov::AttributeAdapter<std::set<std::string>>>(&adapter)) {
        const auto& values = a->get();
        add_strings(name, {values.begin(), values.end()});
        return true;
    }
    if (auto* a =
            ov::as_type<ov::AttributeAdapter<std::shared_ptr<ov::op::util::Variable>>>(&adapter)) {
        const auto& info = a->get()->get_info();
        out_.add_field(name, info.variable_id);
        out_.add_field(info.data_shape.to_string(), info.data_type.to_string());
        return true;
    }
    if (auto* a = ov::as_type<ov::AttributeAdapter<ov::op::util::FrameworkNodeAttrs>>(&adapter)) {
        const auto& attributes = a->get();
        out_.add_field(attributes.get_opset_name(), attributes.get_type_name());
        const std::map<std::string, std::string> sorted(attributes.begin(), attributes.end());
        for (const auto& [key, value] : sorted) out_.add_field(key, value);
        return true;
    }
    return false;
}

bool AttributeHasher::add_subgraph_ports(const std::string& name,
                                         ov::ValueAccessor<void>& adapter) {
    using Inputs = std::vector<std::shared_ptr<MultiSubGraphOp::InputDescription>>;
    using Outputs = std::vector<std::shared_ptr<MultiSubGraphOp::OutputDescription>>;
    if (auto* a = ov::as_type<ov::AttributeAdapter<Inputs>>(&adapter)) {
        out_.add_number(name, a->get().size());
        for (const auto& input : a->get()) {
            out_.add_field("port", input->get_type_info().name);
            add_numbers("at", std::vector<std::uint64_t>{input->m_input_index,
                                                         input->m_body_parameter_index});
            if (auto slice = ov::as_type_ptr<MultiSubGraphOp::SliceInputDescription>(input)) {
                add_numbers("slice", std::vector<std::int64_t>{slice->m_start, slice->m_stride,
                                                               slice->m_part_size, slice->m_end,
                                                               slice->m_axis});
            } else if (auto merged =
                           ov::as_type_ptr<MultiSubGraphOp::MergedInputDescription>(input)) {
                out_.add_number("merged", merged->m_body_value_index);
            }
        }
        return true;
    }
    if (auto* a = ov::as_type<ov::AttributeAdapter<Outputs>>(&adapter)) {
        out_.add_number(name, a->get().size());
        for (const auto& output : a->get()) {
            out_.add_field("port", output->get_type_info().name);
            add_numbers("at", std::vector<std::uint64_t>{output->m_body_value_index,
                                                         output->m_output_index});
            if (auto slice = ov::as_type_ptr<MultiSubGraphOp::ConcatOutputDescription>(output)) {
                add_numbers("slice", std::vector<std::int64_t>{slice->m_start, slice->m_stride,
                                                               slice->m_part_size, slice->m_end,
                                                               slice->m_axis});
            } else if (auto body =
                           ov::as_type_ptr<MultiSubGraphOp::BodyOutputDescription>(output)) {
                out_.add_number("iteration", static_cast<std::uint64_t>(body->m_iteration));
            }
        }
        return true;
    }
    if (auto* a = ov::as_type<ov::AttributeAdapter<ov::op::v5::Loop::SpecialBodyPorts>>(&adapter)) {
        add_numbers(name, std::vector<std::int64_t>{a->get().current_iteration_input_idx,
                                                    a->get().body_condition_output_idx});
        return true;
    }
    return false;
}

void AttributeHasher::on_adapter(const std::string& name, ov::ValueAccessor<void>& adapter) {
    if (add_container(name, adapter) || add_subgraph_ports(name, adapter)) return;
    if (auto* a = ov::as_type<ov::AttributeAdapter<std::shared_ptr<ov::Model>>>(&adapter)) {
        add_body(name, a->get());
        return;
    }
    out_.refuse("the attribute '" + name + "' of type " + adapter.get_type_info().name);
}

void GraphHasher::add_any(std::string_view name, const ov::Any& value) {
    if (value.empty()) {
        add_field(name, "");
    } else if (value.is<ov::RuntimeAttribute>()) {
        const auto& attribute = value.as<ov::RuntimeAttribute>();
        if (!attribute.is_deterministic()) return;
        add_field(name, attribute.get_type_info().name);
        AttributeHasher visitor(*this);
        // The const overload exists; the visitor only reads.
        if (!attribute.visit_attributes(visitor)) add_field("text", attribute.to_string());
    } else if (value.is<ov::AnyMap>()) {
        const auto& map = value.as<ov::AnyMap>();
        add_number(name, map.size());
        for (const auto& [key, inner] : map) add_any(key, inner);
    } else if (value.type_info() == typeid(std::shared_ptr<ov::Meta>)) {
        add_field(name, text_of_meta(name, value));
    } else {
        std::ostringstream text;
        try {
            value.print(text);
        } catch (const std::exception&) {
            // Holds something that has no text, such as a pointer: only its type is known.
            text.str(value.type_info().name());
        }
        add_field(name, text.str());
    }
}

void GraphHasher::add_run_time_information(const ov::AnyMap& information) {
    const auto counts = [](const auto& entry) { return !tells_origin(entry.first); };
    add_number("rt_info", static_cast<std::uint64_t>(std::ranges::count_if(information, counts)));
    for (const auto& entry : information) {
        if (counts(entry)) add_any(entry.first, entry.second);
    }
}

void GraphHasher::add_tensors(const ov::Node& node) {
    add_number("outputs", node.get_output_size());
    for (std::size_t i = 0; i < node.get_output_size(); ++i) {
        const auto& tensor = node.get_output_tensor(i);
        add_field(tensor.get_element_type().to_string(), tensor.get_partial_shape().to_string());
        const std::set<std::string> names(tensor.get_names().begin(), tensor.get_names().end());
        add_number("names", names.size());
        for (const auto& name : names) add_field({}, name);
        add_run_time_information(node.output(i).get_rt_info());
    }
}

void GraphHasher::add_node(const ov::Node& node, const Positions& positions) {
    const auto& type = node.get_type_info();
    add_field(type.name, type.version_id != nullptr ? type.version_id : "");
    // A program may ask an input for its node's name. Others only show in profiles.
    if (ov::is_type<ov::op::v0::Parameter>(&node) &&
        !is_made_up(node.get_friendly_name(), std::string(type.name) + '_')) {
        add_field("friendly_name", node.get_friendly_name());
    }
    add_number("inputs", node.get_input_size());
    for (const auto& input : node.inputs()) {
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
    // visit_attributes is not const because visitors may also write; this one reads.
    const_cast<ov::Node&>(node).visit_attributes(visitor);
}

void GraphHasher::add_model(const ov::Model& model) {
    Positions positions;
    const auto nodes = model.get_ordered_ops();
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
    if (!is_made_up(model.get_friendly_name(), "Model")) {
        add_field("model_name", model.get_friendly_name());
    }
    add_run_time_information(model.get_rt_info());
}

Result<Digest> GraphHasher::finish(runtime::MemoryHasher& memory) {
    if (refusal_) return fail(Errc::unsupported, "cannot fingerprint " + *refusal_);
    const auto digests = memory.hash(buffers_);
    if (!digests) return fail(digests.error());
    for (const auto& digest : *digests) hasher_.update(std::as_bytes(std::span(digest.bytes)));
    return hasher_.finish();
}

}  // namespace

Result<Digest> fingerprint_graph(const ov::Model& model, runtime::MemoryHasher& hasher) {
    try {
        GraphHasher graph;
        graph.add_model(model);
        return graph.finish(hasher);
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        return fail(Errc::unsupported,
                    std::string("cannot fingerprint the model in memory: ") + error.what());
    }
}

}  // namespace larder::internal::openvino
