#include "compiled_models.h"

#include <cmath>
#include <cstring>
#include <random>

#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>

#include "small_models/small_models.h"
#include "support/temporary_directory.h"

namespace larder::testing {
namespace op = ov::opset13;
namespace {

std::shared_ptr<op::Parameter> f32_input(const ov::PartialShape& shape) {
    return std::make_shared<op::Parameter>(ov::element::f32, shape);
}

std::shared_ptr<op::Constant> weights(ov::element::Type type, const ov::Shape& shape,
                                      std::uint32_t seed) {
    std::mt19937 random(seed);
    auto constant = std::make_shared<op::Constant>(type, shape);
    std::vector<std::uint8_t> bytes(constant->get_byte_size());
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    if (type == ov::element::f32 || type == ov::element::f16) {
        std::normal_distribution<float> normal(0, 0.1F);
        std::vector<float> values(ov::shape_size(shape));
        for (auto& value : values) value = normal(random);
        return op::Constant::create(type, shape, values);
    }
    return std::make_shared<op::Constant>(type, shape, bytes.data());
}

std::shared_ptr<ov::Model> of(const ov::OutputVector& results,
                              const ov::ParameterVector& parameters) {
    return std::make_shared<ov::Model>(results, parameters, "m");
}

// Like in a compressed model: minus a zero point, times a scale, in groups of 32.
ov::Output<ov::Node> unpacked(ov::element::Type type, std::size_t rows, std::size_t columns,
                              std::uint32_t seed) {
    const std::size_t groups = columns / 32;
    const auto f16 = [&](const std::shared_ptr<op::Constant>& constant) {
        return std::make_shared<op::Convert>(constant, ov::element::f16);
    };
    const auto packed = f16(weights(type, {rows, groups, 32}, seed));
    const auto zero = f16(weights(type, {rows, groups, 1}, seed + 1));
    const auto scale = weights(ov::element::f16, {rows, groups, 1}, seed + 2);
    const auto values =
        std::make_shared<op::Multiply>(std::make_shared<op::Subtract>(packed, zero), scale);
    const auto shape =
        op::Constant::create(ov::element::i64, {2}, std::vector<std::size_t>{rows, columns});
    return std::make_shared<op::Convert>(std::make_shared<op::Reshape>(values, shape, false),
                                         ov::element::f32);
}

template <ov::element::Type_t type>
std::shared_ptr<ov::Model> compressed_model() {
    const auto x = f32_input({-1, 64});
    const auto h = std::make_shared<op::MatMul>(x, unpacked(type, 96, 64, 1), false, true);
    return of({std::make_shared<op::MatMul>(h, unpacked(type, 64, 96, 9), false, true)}, {x});
}

// Bottlenecks with a sum around each, like in a ResNet.
std::shared_ptr<ov::Model> residual_model() {
    const auto x = f32_input({1, 3, 32, 32});
    ov::Output<ov::Node> h = x;
    std::uint32_t seed = 1;
    const auto convolution = [&](const ov::Output<ov::Node>& from, std::size_t in, std::size_t out,
                                 std::size_t kernel) {
        const auto pad = static_cast<std::ptrdiff_t>(kernel / 2);
        const auto sum = std::make_shared<op::Convolution>(
            from, weights(ov::element::f32, {out, in, kernel, kernel}, seed++), ov::Strides{1, 1},
            ov::CoordinateDiff{pad, pad}, ov::CoordinateDiff{pad, pad}, ov::Strides{1, 1});
        const auto one = [&](float value) {
            auto values = weights(ov::element::f32, {out}, seed++)->cast_vector<float>();
            for (auto& each : values) each = std::abs(each) + value;
            return op::Constant::create(ov::element::f32, {out}, values);
        };
        return std::make_shared<op::BatchNormInference>(sum, one(1), one(0), one(0), one(1), 1e-5);
    };
    h = std::make_shared<op::Relu>(convolution(h, 3, 64, 7));
    for (int i = 0; i < 3; ++i) {
        auto inner = std::make_shared<op::Relu>(convolution(h, 64, 16, 1));
        inner = std::make_shared<op::Relu>(convolution(inner, 16, 16, 3));
        h = std::make_shared<op::Relu>(std::make_shared<op::Add>(h, convolution(inner, 16, 64, 1)));
    }
    return of({h}, {x});
}

std::shared_ptr<ov::Model> branching_model() {
    const auto condition = std::make_shared<op::Parameter>(ov::element::boolean, ov::Shape{1});
    const auto x = f32_input({1, 64});
    const auto body = [](std::uint32_t seed) {
        const auto in = f32_input({1, 64});
        const auto h = std::make_shared<op::MatMul>(in, weights(ov::element::f32, {64, 64}, seed),
                                                    false, true);
        return of({std::make_shared<op::Add>(h, weights(ov::element::f32, {1, 64}, seed + 1))},
                  {in});
    };
    const auto branch = std::make_shared<op::If>(condition);
    const auto then_body = body(1);
    const auto else_body = body(5);
    branch->set_then_body(then_body);
    branch->set_else_body(else_body);
    branch->set_input(x, then_body->get_parameters()[0], else_body->get_parameters()[0]);
    const auto y = branch->set_output(then_body->get_results()[0], else_body->get_results()[0]);
    return of({std::make_shared<op::MatMul>(y, weights(ov::element::f32, {64, 64}, 9))},
              {condition, x});
}

std::shared_ptr<ov::Model> iterating_model() {
    const auto x = f32_input({1, 6, 32});
    const auto state = op::Constant::create(ov::element::f32, {1, 1, 32}, {0.5F});
    const auto step = f32_input({1, 1, 32});
    const auto before = f32_input({1, 1, 32});
    const auto sum = std::make_shared<op::Add>(
        step, std::make_shared<op::MatMul>(before, weights(ov::element::f32, {32, 32}, 3)));
    const auto after = std::make_shared<op::Tanh>(sum);
    const auto body = of({after}, {step, before});
    const auto iterator = std::make_shared<op::TensorIterator>();
    iterator->set_function(body);
    iterator->set_sliced_input(step, x, 0, 1, 1, -1, 1);
    iterator->set_merged_input(before, state, body->get_results()[0]);
    return of({iterator->get_iter_value(body->get_results()[0], -1)}, {x});
}

// One constant in many places, and others with the same bytes.
std::shared_ptr<ov::Model> sharing_model() {
    const auto x = f32_input({-1, 64});
    const auto shared = weights(ov::element::f32, {64, 64}, 1);
    ov::Output<ov::Node> h = x;
    for (int i = 0; i < 3; ++i) h = std::make_shared<op::MatMul>(h, shared, false, true);
    for (int i = 0; i < 3; ++i) {
        h = std::make_shared<op::MatMul>(h, weights(ov::element::f32, {64, 64}, 1), false, true);
    }
    return of({std::make_shared<op::Add>(h, weights(ov::element::f32, {1, 64}, 4))}, {x});
}

std::shared_ptr<ov::Model> confusing_model() {
    const std::string name =
        "\" /><data offset=\"7\" size=\"9\"/></layer>\n\t<&amp;\x01'offset=\"1\"";
    const auto x = f32_input({1, 64});
    x->set_friendly_name("type=\"Const\"" + name);
    x->output(0).set_names({name});
    const auto w = weights(ov::element::f32, {64, 64}, 1);
    w->set_friendly_name(name);
    w->get_rt_info()["offset"] = name;
    const auto h = std::make_shared<op::MatMul>(x, w, false, true);
    h->set_friendly_name("<layer type=\"Const\"><data offset=\"0\" size=\"1\" /></layer>");
    const auto model = of({h}, {x});
    model->set_friendly_name(name);
    model->set_rt_info(name, "layers", "layer", "data");
    model->set_rt_info(std::string("1"), "layers", "layer", "offset");
    return model;
}

std::shared_ptr<ov::Model> wide_model() {
    return dense_model({.seed = 3, .width = 300, .layers = 4});
}

// Of integers, of no elements, and of text.
std::shared_ptr<ov::Model> odd_model() {
    const auto x = f32_input({4, 8});
    const auto rows = op::Constant::create(ov::element::i64, {3}, {3, 0, 1});
    const auto axis = op::Constant::create(ov::element::i32, {}, {0});
    const auto some = std::make_shared<op::Gather>(x, rows, axis);
    const auto mask = weights(ov::element::u8, {3, 8}, 1);
    const auto empty = op::Constant::create(ov::element::f32, {0, 8}, std::vector<float>{});
    const auto all = std::make_shared<op::Concat>(
        ov::OutputVector{std::make_shared<op::Multiply>(
                             some, std::make_shared<op::Convert>(mask, ov::element::f32)),
                         empty},
        0);
    return of({all, rows, empty}, {x});
}

// Read from files: then the plugin records for each constant its position in the weights file.
template <std::shared_ptr<ov::Model> (*make)()>
std::shared_ptr<ov::Model> from_files() {
    const internal::support::TemporaryDirectory directory;
    const auto path = directory / "m.xml";
    ov::serialize(make(), path);
    return ov::Core().read_model(path);
}

}  // namespace

std::vector<CompiledModelCase> compiled_model_cases() {
    const ov::AnyMap in_bf16{ov::hint::inference_precision(ov::element::bf16)};
    return {
        {"Dense", [] { return dense_model(); }, {}},
        {"Wide", wide_model, {}},
        {"WideInBf16", wide_model, in_bf16},
        {"Convolution", [] { return convolution_model(); }, {}},
        {"Residual", residual_model, {}},
        {"Attention", [] { return attention_model(); }, {}},
        {"Loop", [] { return loop_model(); }, {}},
        {"Stateful", [] { return stateful_model(); }, {}, true},
        {"Branching", branching_model, {}},
        {"Iterating", iterating_model, {}},
        {"Sharing", sharing_model, {}},
        {"Confusing", confusing_model, {}},
        {"Odd", odd_model, {}},
        {"Int8", compressed_model<ov::element::u8>, {}},
        {"Int4", compressed_model<ov::element::u4>, {}},
        {"ResidualFromFiles", from_files<residual_model>, {}},
        {"BranchingFromFiles", from_files<branching_model>, {}},
        {"Int4FromFiles", from_files<compressed_model<ov::element::u4>>, {}},
    };
}

ov::Tensor tensor_for(const ov::Output<const ov::Node>& input) {
    ov::Shape shape;
    for (const auto& dimension : input.get_partial_shape()) {
        shape.push_back(dimension.is_static() ? static_cast<std::size_t>(dimension.get_length())
                                              : 7U);
    }
    ov::Tensor tensor(input.get_element_type(), shape);
    if (input.get_element_type() == ov::element::f32) {
        auto* const values = tensor.data<float>();
        for (std::size_t i = 0; i < tensor.get_size(); ++i) {
            values[i] = std::sin(static_cast<float>(i) * 0.37F);
        }
    } else {
        std::memset(tensor.data(), 1, tensor.get_byte_size());
    }
    return tensor;
}

}  // namespace larder::testing
