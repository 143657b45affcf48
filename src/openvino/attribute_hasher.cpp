#include <set>
#include <sstream>

#include <openvino/op/loop.hpp>
#include <openvino/op/util/framework_node.hpp>
#include <openvino/op/util/multi_subgraph_base.hpp>
#include <openvino/op/util/variable.hpp>

#include "openvino/graph_hasher.h"

namespace larder::internal::openvino {

using ov::op::util::MultiSubGraphOp;

bool AttributeHasher::add_container(Name name, Value<void>& adapter) {
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

bool AttributeHasher::add_subgraph_ports(Name name, Value<void>& adapter) {
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

void AttributeHasher::on_adapter(Name name, Value<void>& adapter) {
    if (add_container(name, adapter) || add_subgraph_ports(name, adapter)) return;
    if (auto* a = ov::as_type<ov::AttributeAdapter<std::shared_ptr<ov::Model>>>(&adapter)) {
        add_body(name, a->get());
        return;
    }
    out_.refuse("the attribute '" + name + "' of type " + adapter.get_type_info().name);
}

}  // namespace larder::internal::openvino
