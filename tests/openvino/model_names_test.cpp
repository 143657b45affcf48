#include "openvino/model_names.h"

#include <set>
#include <string>

#include <gtest/gtest.h>
#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>

namespace larder::internal::openvino {
namespace {

bool count(const std::string& device, const ov::AnyMap& properties = {}) {
    ov::Core core;
    return names_count(core, parse_device(device, properties), properties);
}

TEST(ModelNames, DecideNothingOnACpuOrGpu) {
    EXPECT_FALSE(count("CPU"));
    EXPECT_FALSE(count("GPU.1"));
    EXPECT_FALSE(count("HETERO:GPU.0,CPU"));
    EXPECT_FALSE(count("HETERO", {ov::device::priorities("CPU")}));
}

TEST(ModelNames, MayDecideElsewhere) {
    EXPECT_TRUE(count("NPU"));
    EXPECT_TRUE(count("NOBODY_KNOWS"));
    EXPECT_TRUE(count("HETERO:NPU,CPU"));
    EXPECT_TRUE(count("HETERO"));
    EXPECT_TRUE(count("AUTO"));
    EXPECT_TRUE(count("AUTO:CPU"));
    EXPECT_TRUE(count("MULTI:CPU"));
    EXPECT_TRUE(count("BATCH:CPU"));
}

TEST(ModelNames, MayDecideWhereAModelIsSplitOverSockets) {
    using Policy = ov::hint::ModelDistributionPolicy;
    const auto* name = ov::hint::model_distribution_policy.name();
    EXPECT_TRUE(count("CPU", {{name, std::set<Policy>{Policy::TENSOR_PARALLEL}}}));
    EXPECT_TRUE(count("CPU", {{name, "TENSOR_PARALLEL"}}));
    EXPECT_FALSE(count("CPU", {{name, std::set<Policy>{Policy::PIPELINE_PARALLEL}}}));
}

Digest of(const std::string& input, const std::string& tensor, const std::string& name = "m") {
    const auto x = std::make_shared<ov::opset13::Parameter>(ov::element::f32, ov::Shape{4});
    if (!input.empty()) x->set_friendly_name(input);
    if (!tensor.empty()) x->output(0).set_names({tensor});
    const auto y = std::make_shared<ov::opset13::Relu>(x);
    return hash_names(
        *std::make_shared<ov::Model>(ov::OutputVector{y}, ov::ParameterVector{x}, name));
}

TEST(ModelNames, CountButForThoseThatTheRuntimeMadeUp) {
    EXPECT_EQ(of("", ""), of("", ""));
    EXPECT_EQ(of("", "", "Model12"), of("", "", "Model13"));
    EXPECT_NE(of("", "", "a"), of("", "", "b"));
    EXPECT_NE(of("a", ""), of("b", ""));
    EXPECT_NE(of("", "a"), of("", "b"));
    EXPECT_NE(of("past_key_values.0", ""), of("past_key_values.1", ""));
}

TEST(ModelNames, OfPortsThatTheRuntimeMadeUpCountWhereItLooksForThem) {
    const auto with_ports = [](bool names_ports) {
        const auto x = std::make_shared<ov::opset13::Parameter>(ov::element::f32, ov::Shape{4});
        const auto y = std::make_shared<ov::opset13::Relu>(x);
        const auto result = std::make_shared<ov::opset13::Result>(y);
        if (names_ports) x->set_friendly_name("x");
        if (names_ports) result->set_friendly_name("y");
        return hash_names_with_ports(
            *std::make_shared<ov::Model>(ov::ResultVector{result}, ov::ParameterVector{x}, "m"));
    };
    EXPECT_EQ(with_ports(true), with_ports(true));
    EXPECT_NE(with_ports(false), with_ports(false));
}

}  // namespace
}  // namespace larder::internal::openvino
