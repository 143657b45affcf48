// openvino/properties.h: one text for one meaning, for every way of setting a property.
#include "openvino/properties.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <openvino/openvino.hpp>

namespace larder::internal::openvino {
namespace {

std::string text(const ov::Any& value, const ov::Any& like = {}) {
    return canonical_text(value, like).value_or("none");
}

TEST(Properties, NumbersThatDifferHaveDifferentTexts) {
    EXPECT_NE(text(0.1F, 1.0F), text(std::nextafter(0.1F, 1.0F), 1.0F));
    EXPECT_NE(text(0.1, 1.0), text(std::nextafter(0.1, 1.0), 1.0));
    EXPECT_NE(text(0.9999999, 1.0), text(1.0, 1.0));
    EXPECT_NE(text(0.51234561), text(0.51234562)) << "of a property that no device knows";
    EXPECT_NE(text(std::vector<float>{0.1F}), text(std::vector<float>{std::nextafter(0.1F, 1.0F)}));
    EXPECT_NE(text(std::numeric_limits<std::uint64_t>::max(), std::uint64_t{1}), "-1");
}

TEST(Properties, NumbersAreComparedAsTheDeviceReadsThem) {
    EXPECT_EQ(text(0.5, 1.0F), text("0.5", 1.0F));
    EXPECT_EQ(text(0.1, 1.0F), text(0.1F, 1.0F)) << "the device keeps a float";
    EXPECT_EQ(text("1e-1", 1.0F), text(0.1F, 1.0F));
    EXPECT_EQ(text("4", 1), text(4, 1));
    EXPECT_EQ(text("YES", true), text(true, false));
}

TEST(Properties, CacheControlLeavesHoweverItIsSaid) {
    const ov::AnyMap said[] = {
        {{"CACHE_DIR", "own"}, {"X", 1}},
        {{"DEVICE_PROPERTIES", ov::AnyMap{{"CPU", ov::AnyMap{{"CACHE_DIR", "own"}, {"X", 1}}}}}},
        {{"DEVICE_PROPERTIES", ov::AnyMap{{"CPU", "{CACHE_DIR:own,X:1}"}}}},
        {{"DEVICE_PROPERTIES", "{CPU:{CACHE_DIR:own,X:1}}"}},
        {{"DEVICE_PROPERTIES_CPU", ov::AnyMap{{"CACHE_DIR", "own"}, {"X", 1}}}},
        {{"DEVICE_PROPERTIES_CPU", "{CACHE_DIR:own,X:1}"}},
    };
    for (const auto& properties : said) {
        const auto kept = without_cache_control(properties);
        EXPECT_EQ(kept.size(), 1U);
        std::string printed;
        for (const auto& [name, value] : kept) printed += name + "=" + text(value) + ";";
        EXPECT_EQ(printed.find("own"), std::string::npos) << printed;
        EXPECT_NE(printed.find('X'), std::string::npos) << printed;
    }
}

TEST(Properties, TextsThatAreNoMapsStayAsTheyAre) {
    // OpenVINO's own parser would not return for some of these.
    for (const char* const value : {"{", "{}", "{X:", "{X:{", "{X:{Y:1}", "{a b}", "{X: a b}",
                                    "plain", "{CACHE_DIR}", "{CACHE_DIR:x", ""}) {
        EXPECT_EQ(without_cache_control({{"X", value}}).at("X").as<std::string>(), value);
        EXPECT_EQ(text(value), value);
    }
}

TEST(Properties, RealPropertiesOnlyAreCacheControl) {
    EXPECT_FALSE(is_cache_control("CACHE_QUANTIZATION_MODE"));
    EXPECT_FALSE(is_cache_control("KEY_CACHE_QUANT_MODE"));
    EXPECT_TRUE(is_cache_control("CACHE_DIR"));
}

TEST(Properties, SameIsSaidForADeviceInEachWay) {
    const ov::AnyMap inner{{"X", "1"}};
    const ov::AnyMap said[] = {
        {{"X", "1"}},
        {{"DEVICE_PROPERTIES", ov::AnyMap{{"CPU", inner}}}},
        {{"DEVICE_PROPERTIES", ov::AnyMap{{"CPU", "{X:1}"}}}},
        {{"DEVICE_PROPERTIES", "{CPU:{X:1}}"}},
        {{"DEVICE_PROPERTIES_CPU", inner}},
        {{"X", "0"}, {"DEVICE_PROPERTIES_CPU", inner}},
    };
    for (const auto& properties : said) {
        const auto found = by_device(properties, "CPU");
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(text(found.at("")), text(inner)) << "what is said by name counts more";
    }
    for (std::size_t i = 1; i < 5; ++i) {
        const auto found = by_device(said[i], "AUTO");
        EXPECT_TRUE(found.at("").empty());
        EXPECT_EQ(text(found.at("CPU")), text(inner));
    }
}

// Like the runtime.
TEST(Properties, RuntimePrefersWhatIsSaidByName) {
    ov::Core core;
    const auto input = std::make_shared<ov::op::v0::Parameter>(ov::element::f32, ov::Shape{1});
    const auto model =
        std::make_shared<ov::Model>(ov::OutputVector{input}, ov::ParameterVector{input});
    const auto compiled = core.compile_model(
        model, "CPU",
        {{"KEY_CACHE_GROUP_SIZE", 4}, {"DEVICE_PROPERTIES", "{CPU:{KEY_CACHE_GROUP_SIZE:8}}"}});
    EXPECT_EQ(compiled.get_property("KEY_CACHE_GROUP_SIZE").as<int>(), 8);
}

}  // namespace
}  // namespace larder::internal::openvino
