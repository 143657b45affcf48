// An operation of the program: multiplies by FACTOR, also constants, during a compile.
#pragma once

#include <memory>

#include <openvino/core/op_extension.hpp>
#include <openvino/op/op.hpp>

namespace {

class Scale : public ov::op::Op {
public:
    OPENVINO_OP("Scale", "larder")

    Scale() = default;
    explicit Scale(const ov::Output<ov::Node>& input) : Op({input}) {
        constructor_validate_and_infer_types();
    }
    void validate_and_infer_types() override {
        set_output_type(0, get_input_element_type(0), get_input_partial_shape(0));
    }
    std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override {
        return std::make_shared<Scale>(inputs.at(0));
    }
    bool visit_attributes(ov::AttributeVisitor& /*visitor*/) override { return true; }
    bool has_evaluate() const override { return true; }
    bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override {
        outputs[0].set_shape(inputs[0].get_shape());
        for (std::size_t i = 0; i < inputs[0].get_size(); ++i) {
            outputs[0].data<float>()[i] = FACTOR * inputs[0].data<float>()[i];
        }
        return true;
    }
};

}  // namespace
