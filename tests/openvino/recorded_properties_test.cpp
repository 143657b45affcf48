// openvino/recorded_properties.h on the real OpenVINO: the device accepts the properties, and a
// request with them has the same key.
#include "openvino/recorded_properties.h"

#include <gtest/gtest.h>
#include <openvino/openvino.hpp>

#include "openvino/device.h"
#include "small_models/small_models.h"

namespace larder::internal::openvino {
namespace {

runtime::Identity asked(ov::Core& core, const std::string& device, const ov::AnyMap& properties) {
    return identify(core, parse_device(device, properties), properties);
}

// Returns the properties of the key of a request, after a request with them.
ov::AnyMap given_back(const std::string& device, const ov::AnyMap& properties,
                      const ov::AnyMap& set_on_cpu = {}) {
    const auto inputs = [&] {
        ov::Core core;
        core.set_property("CPU", set_on_cpu);
        return asked(core, device, properties).inputs;
    }();
    ov::Core core;
    auto again = recorded_properties(core, device, inputs);
    EXPECT_EQ(asked(core, device, again).inputs, inputs) << device;
    EXPECT_NO_THROW(core.compile_model(testing::dense_model(), device, again)) << device;
    return again;
}

TEST(RecordedProperties, ValuesInForceAnywayAreLeftOut) {
    for (const auto* const device :
         {"CPU", "HETERO:CPU", "AUTO:CPU", "MULTI:CPU", "BATCH:CPU(2)"}) {
        EXPECT_TRUE(given_back(device, {}).empty()) << device;
    }
}

TEST(RecordedProperties, OthersHaveTheTypeOfTheDevice) {
    const auto properties = given_back("CPU", {{"CPU_DENORMALS_OPTIMIZATION", "YES"},
                                               {"INFERENCE_PRECISION_HINT", "f32"},
                                               {"PERFORMANCE_HINT", "LATENCY"}});
    EXPECT_EQ(properties.size(), 2U) << "one acts at run time only";
    EXPECT_TRUE(properties.at("CPU_DENORMALS_OPTIMIZATION").as<bool>());
    EXPECT_TRUE(properties.at("INFERENCE_PRECISION_HINT").is<ov::element::Type>());
}

TEST(RecordedProperties, WhatTheCoreHadIsGivenToTheRequest) {
    const auto properties =
        given_back("CPU", {}, {ov::hint::inference_precision(ov::element::f32)});
    EXPECT_EQ(properties.size(), 1U);
}

TEST(RecordedProperties, MembersGetTheirOwn) {
    const ov::AnyMap of_member{{"INFERENCE_PRECISION_HINT", "f32"}};
    const auto properties =
        given_back("HETERO:CPU", {{"DEVICE_PROPERTIES", ov::AnyMap{{"CPU", of_member}}}});
    ASSERT_EQ(properties.size(), 1U);
    EXPECT_EQ(properties.at("DEVICE_PROPERTIES").as<ov::AnyMap>().at("CPU").as<ov::AnyMap>().size(),
              1U);
}

TEST(RecordedProperties, ContentOfAFileIsNone) {
    ov::Core core;
    EXPECT_TRUE(recorded_properties(core, "CPU", {{"property.NPUW_PLAN.content", "00"}}).empty());
}

}  // namespace
}  // namespace larder::internal::openvino
