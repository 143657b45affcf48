#include "small_models/small_models.h"

#include <random>

#include <openvino/op/assign.hpp>
#include <openvino/opsets/opset13.hpp>

namespace larder::testing {
namespace op = ov::opset13;
namespace {

std::shared_ptr<op::Constant> random_constant(ov::element::Type type, const ov::Shape& shape,
                                              std::mt19937& random) {
    std::normal_distribution<float> normal(0, 0.1F);
    std::vector<float> values(ov::shape_size(shape));
    for (auto& value : values) value = normal(random);
    return op::Constant::create(type, shape, values);
}

std::shared_ptr<op::Parameter> input(const ov::PartialShape& shape) {
    auto parameter = std::make_shared<op::Parameter>(ov::element::f32, shape);
    parameter->set_friendly_name("x");
    parameter->output(0).set_names({"x"});
    return parameter;
}

std::shared_ptr<ov::Model> finished(const ov::Output<ov::Node>& result,
                                    const std::shared_ptr<op::Parameter>& parameter,
                                    const std::string& name) {
    result.get_node()->output(0).set_names({"y"});
    return std::make_shared<ov::Model>(ov::OutputVector{result}, ov::ParameterVector{parameter},
                                       name);
}

}  // namespace

std::shared_ptr<ov::Model> dense_model(const ModelOptions& options) {
    std::mt19937 random(options.seed);
    const auto x = input({1, static_cast<std::int64_t>(options.width)});
    ov::Output<ov::Node> h = x;
    for (std::size_t i = 0; i < options.layers; ++i) {
        const auto w = random_constant(ov::element::f32, {options.width, options.width}, random);
        h = std::make_shared<op::Relu>(std::make_shared<op::MatMul>(h, w, false, true));
    }
    return finished(h, x, "dense");
}

std::shared_ptr<ov::Model> convolution_model(std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto x = input({1, 3, 32, 32});
    ov::Output<ov::Node> h = x;
    std::size_t channels = 3;
    for (const std::size_t next : {16U, 32U}) {
        const auto w = random_constant(ov::element::f32, {next, channels, 3, 3}, random);
        const auto convolution =
            std::make_shared<op::Convolution>(h, w, ov::Strides{1, 1}, ov::CoordinateDiff{1, 1},
                                              ov::CoordinateDiff{1, 1}, ov::Strides{1, 1});
        h = std::make_shared<op::Relu>(convolution);
        channels = next;
    }
    const auto axes = op::Constant::create(ov::element::i64, {2}, {2, 3});
    return finished(std::make_shared<op::ReduceMean>(h, axes, false), x, "convolution");
}

std::shared_ptr<ov::Model> attention_model(std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto x = input({-1, -1, 64});
    const auto project = [&](const ov::Output<ov::Node>& from) {
        const auto w = random_constant(ov::element::f16, {64, 64}, random);
        const auto converted = std::make_shared<op::Convert>(w, ov::element::f32);
        return std::make_shared<op::MatMul>(from, converted, false, true);
    };
    const auto q = project(x);
    const auto k = project(x);
    const auto v = project(x);
    const auto scores =
        std::make_shared<op::Softmax>(std::make_shared<op::MatMul>(q, k, false, true), 2);
    return finished(project(std::make_shared<op::MatMul>(scores, v)), x, "attention");
}

std::shared_ptr<ov::Model> loop_model(float step) {
    const auto x = input({1, 4});
    const auto in_body = std::make_shared<op::Parameter>(ov::element::f32, ov::Shape{1, 4});
    const auto added = std::make_shared<op::Add>(
        in_body, op::Constant::create(ov::element::f32, {1}, std::vector<float>{step}));
    const auto go_on = op::Constant::create(ov::element::boolean, {1}, {true});
    const auto body =
        std::make_shared<ov::Model>(ov::OutputVector{go_on, added}, ov::ParameterVector{in_body});
    const auto loop =
        std::make_shared<op::Loop>(op::Constant::create(ov::element::i64, {1}, {5}),
                                   op::Constant::create(ov::element::boolean, {1}, {true}));
    loop->set_function(body);
    loop->set_special_body_ports({-1, 0});
    loop->set_merged_input(in_body, x, added);
    return finished(loop->get_iter_value(added, -1), x, "loop");
}

std::shared_ptr<ov::Model> stateful_model() {
    const auto x = input({1, 4});
    const auto variable = std::make_shared<ov::op::util::Variable>(
        ov::op::util::VariableInfo{ov::PartialShape{1, 4}, ov::element::f32, "sum"});
    const auto zero =
        op::Constant::create(ov::element::f32, {1, 4}, std::vector<float>{0, 0, 0, 0});
    const auto read = std::make_shared<op::ReadValue>(zero, variable);
    const auto sum = std::make_shared<op::Add>(read, x);
    const auto assign = std::make_shared<op::Assign>(sum, variable);
    sum->output(0).set_names({"y"});
    return std::make_shared<ov::Model>(ov::ResultVector{std::make_shared<op::Result>(sum)},
                                       ov::SinkVector{assign}, ov::ParameterVector{x}, "state");
}

std::vector<ov::Tensor> inputs_of(const ov::Model& model) {
    std::vector<ov::Tensor> tensors;
    for (const auto& in : model.inputs()) {
        ov::Shape shape;
        for (const auto& dimension : in.get_partial_shape()) {
            shape.push_back(dimension.is_static() ? static_cast<std::size_t>(dimension.get_length())
                                                  : 7U);
        }
        ov::Tensor tensor(in.get_element_type(), shape);
        auto* values = tensor.data<float>();
        for (std::size_t i = 0; i < tensor.get_size(); ++i) {
            values[i] = std::sin(static_cast<float>(i) * 0.37F);
        }
        tensors.push_back(tensor);
    }
    return tensors;
}

std::vector<float> values_of(const ov::Tensor& tensor) {
    const auto* values = tensor.data<const float>();
    return {values, values + tensor.get_size()};
}

}  // namespace larder::testing
