#include "openvino/port_names.h"

#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>

namespace larder::internal::openvino {
namespace {

using Names = std::set<std::string>;

// Outputs in half precision, so that the runtime renames the nodes behind them, and one of a node
// with several outputs.
std::shared_ptr<ov::Model> model(const std::string& suffix) {
    const auto x = std::make_shared<ov::opset13::Parameter>(ov::element::f16, ov::Shape{4});
    x->set_friendly_name("x" + suffix);
    x->output(0).set_names({"x_in" + suffix});
    const auto sum = std::make_shared<ov::opset13::Add>(x, x);
    sum->set_friendly_name("sum" + suffix);
    const auto axis = ov::opset13::Constant::create(ov::element::i64, {}, {0});
    const auto split = std::make_shared<ov::opset13::Split>(x, axis, 2);
    split->set_friendly_name("split" + suffix);
    ov::ResultVector results;
    for (const auto& value : {sum->output(0), split->output(1)}) {
        const auto result = std::make_shared<ov::opset13::Result>(value);
        result->set_friendly_name("result" + std::to_string(results.size()) + suffix);
        result->output(0).set_names({"y" + std::to_string(results.size()) + suffix});
        results.push_back(result);
    }
    return std::make_shared<ov::Model>(results, ov::ParameterVector{x});
}

ov::CompiledModel compile(const std::shared_ptr<ov::Model>& model) {
    return ov::Core().compile_model(model, "CPU");
}

TEST(PortNames, AreThoseThatCompilingGives) {
    const auto asked = model("");
    const auto compiled = compile(asked);
    auto ports = port_names_of(*asked);
    EXPECT_EQ(ports.inputs[0], (PortNames{"x", {"x_in"}, ""}));
    EXPECT_EQ(ports.outputs[1].tensor, Names{"y1"});
    apply_port_changes(port_changes(*asked, compiled), asked.get(), ports);
    EXPECT_EQ(ports, port_names_of(compiled));
}

TEST(PortNames, OfAnotherModelAreSet) {
    const auto kept = model("");
    const auto asked = model(".0");
    const auto compiled = compile(kept);
    const auto changes = port_changes(*kept, compiled);
    auto ports = port_names_of(*asked);
    apply_port_changes(changes, asked.get(), ports);
    ASSERT_TRUE(set_port_names(compiled, ports).has_value());
    EXPECT_EQ(port_names_of(compiled), port_names_of(compile(asked)));
    EXPECT_EQ(compiled.input("x_in.0").get_any_name(), "x_in.0");
    EXPECT_THROW(static_cast<void>(compiled.output("y0")), ov::Exception);
}

TEST(PortNames, AreUsedByInference) {
    auto compiled = compile(model(""));
    auto ports = port_names_of(compiled);
    ports.inputs[0].tensor = {"other"};
    ports.outputs[0].tensor = {"another"};
    ASSERT_TRUE(set_port_names(compiled, ports).has_value());
    auto request = compiled.create_infer_request();
    ov::Tensor values(ov::element::f16, ov::Shape{4});
    std::fill_n(values.data<ov::float16>(), 4, ov::float16(3));
    request.set_tensor("other", values);
    request.infer();
    EXPECT_EQ(request.get_tensor("another").data<ov::float16>()[3], ov::float16(6));
}

TEST(PortNames, OfAModelWithOtherPortsAreRefused) {
    const auto compiled = compile(model(""));
    const auto before = port_names_of(compiled);
    auto ports = before;
    ports.outputs.pop_back();
    const auto set = set_port_names(compiled, ports);
    ASSERT_FALSE(set.has_value());
    EXPECT_EQ(set.error().code, Errc::incompatible);
    EXPECT_EQ(port_names_of(compiled), before);
}

TEST(PortNames, ChangesThatMakeNoSenseAreLeftOut) {
    const auto asked = model("");
    const auto expected = port_names_of(*asked);
    for (const auto* changes :
         {"x", "9999999999999999999999:a", "3:add1:94:name1:a", "3:add1:x4:name1:a",
          "6:source1:14:node3:999", "6:source1:14:node1:x", "3:add1:04:name9:a"}) {
        auto ports = expected;
        apply_port_changes(changes, asked.get(), ports);
        EXPECT_EQ(ports, expected) << changes;
    }
    auto ports = expected;
    apply_port_changes("3:add1:04:name1:a", asked.get(), ports);
    EXPECT_EQ(ports.inputs[0].tensor, (Names{"a", "x_in"}));
}

}  // namespace
}  // namespace larder::internal::openvino
