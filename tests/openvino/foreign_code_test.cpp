// openvino/foreign_code.h: finds operations of a model that are not OpenVINO's.
#include "openvino/foreign_code.h"

#include <memory>
#include <new>

#include <gtest/gtest.h>
#include <openvino/op/op.hpp>
#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>

#include "small_models/small_models.h"

namespace larder::internal::openvino {
namespace {

namespace op = ov::opset13;

class Mine : public ov::op::Op {
public:
    OPENVINO_OP("Mine", "larder_test")

    Mine() = default;
    explicit Mine(const ov::Output<ov::Node>& input) : Op({input}) {
        constructor_validate_and_infer_types();
    }
    void validate_and_infer_types() override {
        set_output_type(0, get_input_element_type(0), get_input_partial_shape(0));
    }
    std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override {
        return std::make_shared<Mine>(inputs.at(0));
    }
    bool visit_attributes(ov::AttributeVisitor& /*visitor*/) override { return true; }
};

std::shared_ptr<ov::Model> model_with_mine() {
    const auto input = std::make_shared<op::Parameter>(ov::element::f32, ov::Shape{2});
    return std::make_shared<ov::Model>(ov::OutputVector{std::make_shared<Mine>(input)},
                                       ov::ParameterVector{input});
}

std::vector<std::string> names_of(const ov::Model& model) {
    const auto code = code_of(model);
    EXPECT_TRUE(code.has_value()) << code.error().message();
    std::vector<std::string> names;
    for (const auto& each : *code) names.push_back(each.name);
    return names;
}

TEST(ForeignCode, OperationsOfOpenVinoAreNone) {
    for (const auto& model :
         {testing::dense_model(), testing::convolution_model(), testing::attention_model(),
          testing::loop_model(), testing::stateful_model()}) {
        EXPECT_TRUE(names_of(*model).empty());
    }
}

TEST(ForeignCode, OperationOfTheProgramIsFound) {
    EXPECT_EQ(names_of(*model_with_mine()), std::vector<std::string>{"program"});
}

TEST(ForeignCode, OperationInABodyIsFound) {
    const auto condition = std::make_shared<op::Parameter>(ov::element::boolean, ov::Shape{});
    const auto input = std::make_shared<op::Parameter>(ov::element::f32, ov::Shape{2});
    const auto then_body = model_with_mine();
    const auto else_input = std::make_shared<op::Parameter>(ov::element::f32, ov::Shape{2});
    const auto else_body = std::make_shared<ov::Model>(
        ov::OutputVector{std::make_shared<op::Relu>(else_input)}, ov::ParameterVector{else_input});
    const auto choice = std::make_shared<op::If>(condition);
    choice->set_then_body(then_body);
    choice->set_else_body(else_body);
    choice->set_input(input, then_body->get_parameters()[0], else_input);
    const auto output =
        choice->set_output(then_body->get_results()[0], else_body->get_results()[0]);
    const ov::Model model(ov::OutputVector{output}, ov::ParameterVector{condition, input});
    EXPECT_EQ(names_of(model), std::vector<std::string>{"program"});
}

TEST(ForeignCode, OperationOfALibraryIsFoundByItsName) {
    ov::Core core;
    core.add_extension(std::string(EXTENSION_LIBRARY));
    const auto model = core.read_model(
        R"(<?xml version="1.0"?><net name="m" version="11"><layers>)"
        R"(<layer id="0" name="x" type="Parameter" version="opset1">)"
        R"(<data shape="4" element_type="f32"/>)"
        R"(<output><port id="0" precision="FP32"><dim>4</dim></port></output></layer>)"
        R"(<layer id="1" name="s" type="Scale" version="larder">)"
        R"(<input><port id="0" precision="FP32"><dim>4</dim></port></input>)"
        R"(<output><port id="1" precision="FP32"><dim>4</dim></port></output></layer>)"
        R"(<layer id="2" name="r" type="Result" version="opset1">)"
        R"(<input><port id="0" precision="FP32"><dim>4</dim></port></input></layer></layers>)"
        R"(<edges><edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>)"
        R"(<edge from-layer="1" from-port="1" to-layer="2" to-port="0"/></edges></net>)",
        ov::Tensor());
    EXPECT_EQ(names_of(*model), std::vector<std::string>{"libscale_extension.so"});
}

TEST(ForeignCode, BuildOfOpenVinoIsTold) {
    EXPECT_TRUE(build_of("libopenvino_no_such_plugin.so").empty());
    static_cast<void>(ov::get_openvino_version());
    const auto build = build_of("libopenvino.so");
    EXPECT_EQ(build.find_first_not_of("0123456789abcdef"), std::string::npos);
}

}  // namespace
}  // namespace larder::internal::openvino
