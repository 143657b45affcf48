// openvino/device.h on the real CPU device: its identity contains exactly the properties that
// decide a blob.
#include "openvino/device.h"

#include <cmath>

#include <gtest/gtest.h>
#include <openvino/openvino.hpp>

#include "openvino/process_inputs.h"

namespace larder::internal::openvino {
namespace {

using Inputs = std::map<std::string, std::string>;

runtime::Identity identity(const std::string& device, const ov::AnyMap& properties = {}) {
    ov::Core core;
    return identify(core, parse_device(device, properties), properties);
}

Inputs inputs(const std::string& device, const ov::AnyMap& properties = {}) {
    const auto found = identity(device, properties);
    EXPECT_TRUE(found.reason.empty()) << found.reason;
    return found.inputs;
}

TEST(Device, PropertyHasOneMeaningHoweverItIsSaid) {
    const ov::AnyMap inner{{"KEY_CACHE_GROUP_SIZE", 8}};
    const ov::AnyMap nested[] = {
        {{"DEVICE_PROPERTIES", ov::AnyMap{{"CPU", inner}}}},
        {{"DEVICE_PROPERTIES", ov::AnyMap{{"CPU", "{KEY_CACHE_GROUP_SIZE:8}"}}}},
        {{"DEVICE_PROPERTIES", "{CPU:{KEY_CACHE_GROUP_SIZE:8}}"}},
        {{"DEVICE_PROPERTIES_CPU", inner}},
    };
    for (const auto& properties : nested) {
        EXPECT_EQ(inputs("CPU", properties), inputs("CPU", inner));
        EXPECT_EQ(inputs("HETERO:CPU", properties), inputs("HETERO:CPU", nested[0]));
    }
    EXPECT_NE(inputs("HETERO:CPU", nested[0]), inputs("HETERO:CPU"));
    ov::Core core;
    core.set_property("CPU", inner);
    EXPECT_EQ(identify(core, parse_device("HETERO:CPU", {}), {}).inputs,
              inputs("HETERO:CPU", nested[0]));
}

TEST(Device, CacheDirectoryIsNoInput) {
    for (const auto* const device : {"CPU", "AUTO:CPU", "HETERO:CPU"}) {
        EXPECT_EQ(inputs(device, {{"DEVICE_PROPERTIES", "{CPU:{CACHE_DIR:own}}"}}), inputs(device));
        EXPECT_EQ(inputs(device, {{"DEVICE_PROPERTIES_CPU", ov::AnyMap{{"CACHE_DIR", "own"}}}}),
                  inputs(device));
        EXPECT_EQ(inputs(device, {{"CACHE_DIR", "own"}}), inputs(device));
    }
}

TEST(Device, NumberIsExactInTheKey) {
    const auto rate = [](const ov::Any& value) {
        return inputs("CPU", {{"CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE", value}});
    };
    EXPECT_NE(rate(0.1F), rate(std::nextafter(0.1F, 1.0F)));
    EXPECT_EQ(rate(0.5F), rate("0.5"));
}

TEST(Device, InstructionSetInUseIsToldAsBlobsRequireIt) {
    ov::Core core;
    const auto input = std::make_shared<ov::op::v0::Parameter>(ov::element::f32, ov::Shape{1});
    const auto model =
        std::make_shared<ov::Model>(ov::OutputVector{input}, ov::ParameterVector{input});
    const auto required = core.compile_model(model, "CPU").get_property(ov::runtime_requirements);
    const auto set = instruction_set_in_use(core);
#if defined(__x86_64__)
    ASSERT_FALSE(set.empty()) << "a name that is unknown here: " << required;
#endif
    EXPECT_NE(required.find(set), std::string::npos) << required;
}

TEST(Device, ProcessorIsIdentifiedByItsInstructionSetsAndNotByItsName) {
    constexpr const char* k_name = "device.FULL_DEVICE_NAME";
    const auto of_cpu = inputs("CPU");
    EXPECT_TRUE(of_cpu.contains("device.INSTRUCTION_SETS"));
    // Without requirements, nothing but the key keeps a blob away from another processor.
    EXPECT_NE(of_cpu.contains(k_name), of_cpu.contains(k_instruction_set_in_use));
    // The runtime's own cache, which serves AUTO, distinguishes the names.
    EXPECT_TRUE(inputs("AUTO:CPU").contains("device.CPU.FULL_DEVICE_NAME"));
}

TEST(Device, FileThatAPropertyNamesIsAskedFor) {
    ov::Core core;
    const ov::AnyMap properties{{"NPUW_PLAN", "plan.xml"}, {"OTHER", "/etc/hostname"}, {"A", "b"}};
    const auto found = identify(core, parse_device("CPU", properties), properties);
    EXPECT_EQ(found.files, (Inputs{{"property.NPUW_PLAN.content", "plan.xml"},
                                   {"property.OTHER.content", "/etc/hostname"}}));
}

TEST(Device, KernelsOfTheCallerAreAReasonToBypass) {
    EXPECT_NE(identity("CPU", {{"CONFIG_FILE", "kernels.xml"}}).reason.find("CONFIG_FILE"),
              std::string::npos);
}

}  // namespace
}  // namespace larder::internal::openvino
