// Compressed entries, on the real runtime: each load in a process of its own.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>

#include "harness.h"
#include "larder/store.hpp"

namespace larder::testing {
namespace op = ov::opset13;
namespace {

constexpr std::size_t k_f16_width = 768;
constexpr std::size_t k_f16_layers = 4;

// Weights that were numbers of 16 bits. The way in which the model is saved decides whether the
// compile unpacks them to 32 bits.
std::shared_ptr<ov::Model> f16_model(std::uint32_t seed) {
    std::minstd_rand random(seed);
    const auto x =
        std::make_shared<op::Parameter>(ov::element::f32, ov::PartialShape{1, k_f16_width});
    ov::Output<ov::Node> h = x;
    for (std::size_t i = 0; i < k_f16_layers; ++i) {
        std::vector<float> values(k_f16_width * k_f16_width);
        for (auto& value : values) {
            value = ov::float16((static_cast<float>(random() % 4001) - 2000.0F) / 50000.0F);
        }
        const auto w = op::Constant::create(ov::element::f32, {k_f16_width, k_f16_width}, values);
        h = std::make_shared<op::Tanh>(std::make_shared<op::MatMul>(h, w, false, true));
    }
    return std::make_shared<ov::Model>(ov::OutputVector{h}, ov::ParameterVector{x});
}

class CompressionTest : public LarderTest {
protected:
    [[nodiscard]] Store open() const {
        return Store({.directory = directory_, .state_directory = state_});
    }
    // With weights that the device uses unchanged.
    [[nodiscard]] std::filesystem::path save_as_f16(const std::string& name) const {
        const auto path = root_ / (name + ".xml");
        ov::save_model(f16_model(1), path.string(), true);
        return path;
    }
    // With its weights, because referring entries are not compressed.
    [[nodiscard]] Answer ask_and_keep(const std::filesystem::path& model) const {
        return ask({.model = model, .environment = {{"LARDER_WEIGHTS", "keep"}}});
    }
    [[nodiscard]] static std::uint64_t taken(const EntryInfo& entry) {
        std::uint64_t bytes = 0;
        for (const auto& object : entry.objects) bytes += object.bytes;
        return bytes;
    }
};

TEST_F(CompressionTest, WhatIsLoadedInAnotherProcessGivesTheSameResults) {
    for (const auto& model : {save_as_f16("f16"), save(f16_model(2), "f32")}) {
        const auto expected = ask_without({.model = model});
        const auto compiled = ask_and_keep(model);
        EXPECT_EQ(compiled.outcome, "compiled") << compiled.reason;
        EXPECT_EQ(compiled.outputs, expected.outputs);
        auto store = open();
        const auto key = store.keys_of_model(model).front();
        const auto report = store.compress({.keys = {{key}}}, DryRun::no);
        ASSERT_EQ(report.entries.size(), 1U) << report.unchanged.front().reason;
        const auto entry = store.entry(key);
        EXPECT_EQ(entry.encoding, "compressed");
        RecordProperty("percent of " + model.stem().string(),
                       static_cast<int>(100 * taken(entry) / entry.bytes));
        for (int i = 0; i < 2; ++i) {
            const auto loaded = ask_and_keep(model);
            EXPECT_EQ(loaded.outcome, "loaded") << loaded.reason;
            EXPECT_EQ(loaded.outputs, expected.outputs);
        }
        EXPECT_EQ(store.entry(key).encoding, "compressed");
        EXPECT_EQ(store.entry(key).hits, 2U);
        EXPECT_TRUE(store.verify().findings.empty());

        ASSERT_EQ(store.decompress({key}, DryRun::no).entries.size(), 1U);
        EXPECT_EQ(store.entry(key).encoding, "raw");
        const auto undone = ask_and_keep(model);
        EXPECT_EQ(undone.outcome, "loaded") << undone.reason;
        EXPECT_EQ(undone.outputs, expected.outputs);
    }
}

TEST_F(CompressionTest, HalvesWhatWasUnpackedFromHalves) {
    const auto model = save(f16_model(1), "f32");
    (void)ask_and_keep(model);
    auto store = open();
    const auto planned = store.compress({}, DryRun::yes);
    const auto report = store.compress({}, DryRun::no);
    ASSERT_EQ(report.entries.size(), 1U);
    ASSERT_EQ(planned.entries.size(), 1U);
    EXPECT_TRUE(planned.estimated && !report.estimated);
    EXPECT_LT(taken(store.entries().front()), store.entries().front().bytes / 2);
    EXPECT_NEAR(static_cast<double>(planned.after_bytes), static_cast<double>(report.after_bytes),
                static_cast<double>(report.before_bytes) / 20);
}

TEST_F(CompressionTest, DamagedItIsCompiledAnewAndKeptWhole) {
    const auto model = save(f16_model(1), "f32");
    const auto compiled = ask_and_keep(model);
    auto store = open();
    ASSERT_EQ(store.compress({}, DryRun::no).entries.size(), 1U);
    const auto object = store.entries().front().objects.front();
    change_byte_unseen(directory_ / "objects" / object.digest.substr(0, 2) / object.digest,
                       object.bytes / 2);
    const auto again = ask_and_keep(model);
    EXPECT_EQ(again.outcome, "compiled") << again.reason;
    EXPECT_EQ(again.outputs, compiled.outputs);
    EXPECT_EQ(store.entries().front().encoding, "raw");
    EXPECT_EQ(ask_and_keep(model).outcome, "loaded");
}

}  // namespace
}  // namespace larder::testing
