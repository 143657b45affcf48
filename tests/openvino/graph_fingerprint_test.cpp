#include "openvino/graph_fingerprint.h"

#include <cstring>
#include <sstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>
#include <openvino/pass/serialize.hpp>

#include "small_models/small_models.h"

namespace larder::internal::openvino {
namespace {

using larder::testing::attention_model;
using larder::testing::convolution_model;
using larder::testing::dense_model;
using larder::testing::loop_model;
using larder::testing::stateful_model;

class PlainHasher final : public runtime::MemoryHasher {
public:
    Result<std::vector<Digest>> hash(std::span<const std::span<const std::byte>> ranges) override {
        std::vector<Digest> digests;
        for (const auto range : ranges) digests.push_back(hash_chunked(range));
        return digests;
    }
};

Digest of(const std::shared_ptr<ov::Model>& model) {
    PlainHasher hasher;
    const auto digest = fingerprint_graph(*model, hasher);
    EXPECT_TRUE(digest.has_value()) << digest.error().message();
    return digest.value_or(Digest{});
}

TEST(GraphFingerprint, SameModelBuiltTwiceIsTheSame) {
    // Names that the runtime makes up count on from model to model.
    EXPECT_EQ(of(dense_model()), of(dense_model()));
    EXPECT_EQ(of(convolution_model()), of(convolution_model()));
    EXPECT_EQ(of(attention_model()), of(attention_model()));
    EXPECT_EQ(of(loop_model()), of(loop_model()));
    EXPECT_EQ(of(stateful_model()), of(stateful_model()));
}

TEST(GraphFingerprint, CloneIsTheSame) {
    const auto model = attention_model();
    EXPECT_EQ(of(model), of(model->clone()));
}

TEST(GraphFingerprint, DiffersWithWeightsTopologyAndShape) {
    const auto base = of(dense_model());
    EXPECT_NE(base, of(dense_model({.seed = 2})));
    EXPECT_NE(base, of(dense_model({.layers = 4})));
    EXPECT_NE(base, of(dense_model({.width = 32})));
    const auto reshaped = attention_model();
    const auto before = of(reshaped);
    reshaped->reshape(ov::PartialShape{1, 16, 64});
    EXPECT_NE(before, of(reshaped));
}

TEST(GraphFingerprint, DiffersWithOneByteOfOneWeight) {
    const auto model = dense_model();
    const auto before = of(model);
    for (const auto& node : model->get_ordered_ops()) {
        if (auto constant = ov::as_type_ptr<ov::op::v0::Constant>(node)) {
            auto* bytes = static_cast<std::uint8_t*>(const_cast<void*>(constant->get_data_ptr()));
            bytes[constant->get_byte_size() / 2] ^= 1;
            break;
        }
    }
    EXPECT_NE(before, of(model));
}

TEST(GraphFingerprint, DiffersWithABodysConstant) {
    EXPECT_NE(of(loop_model(1)), of(loop_model(2)));
}

TEST(GraphFingerprint, DiffersWithAnAttribute) {
    const auto with_axis = [](std::int64_t axis) {
        const auto x = std::make_shared<ov::opset13::Parameter>(ov::element::f32, ov::Shape{4, 4});
        return std::make_shared<ov::Model>(
            ov::OutputVector{std::make_shared<ov::opset13::Softmax>(x, axis)},
            ov::ParameterVector{x});
    };
    EXPECT_NE(of(with_axis(0)), of(with_axis(1)));
}

TEST(GraphFingerprint, DiffersWithNamesThatThePublicSees) {
    const auto named = [](const std::string& name) {
        auto model = dense_model();
        model->output(0).get_tensor().set_names({name});
        return of(model);
    };
    EXPECT_NE(named("a"), named("b"));
    auto renamed = dense_model();
    renamed->get_parameters()[0]->set_friendly_name("other");
    EXPECT_NE(of(dense_model()), of(renamed));
}

TEST(GraphFingerprint, DiffersWithRunTimeInformation) {
    auto hinted = dense_model();
    hinted->set_rt_info("f16", "runtime_options", "KV_CACHE_PRECISION");
    EXPECT_NE(of(dense_model()), of(hinted));
    auto laid_out = convolution_model();
    laid_out->get_parameters()[0]->set_layout("NCHW");
    EXPECT_NE(of(convolution_model()), of(laid_out));
}

// A converter notes what it did in a nested <rt_info>, which the runtime reads into an object of
// its own.
TEST(GraphFingerprint, NestedRunTimeInformationOfAFileCountsByItsContent) {
    const auto written = [](const std::string& precision) {
        const auto model = dense_model();
        model->set_rt_info("pytorch", "conversion_parameters", "framework");
        model->set_rt_info(precision, "runtime_options", "KV_CACHE_PRECISION");
        std::stringstream text;
        std::stringstream weights;
        ov::pass::Serialize(text, weights).run_on_model(model);
        return std::pair(text.str(), weights.str());
    };
    const auto read = [](const std::pair<std::string, std::string>& files) {
        ov::Tensor weights(ov::element::u8, ov::Shape{files.second.size()});
        std::memcpy(weights.data(), files.second.data(), files.second.size());
        return ov::Core().read_model(files.first, weights);
    };
    const auto files = written("f16");
    EXPECT_EQ(of(read(files)), of(read(files)));
    EXPECT_NE(of(read(files)), of(read(written("u8"))));
}

TEST(GraphFingerprint, DiffersWhenTwoInputsAreSwapped) {
    const auto subtract = [](bool swapped) {
        const auto a = std::make_shared<ov::opset13::Parameter>(ov::element::f32, ov::Shape{4});
        const auto b = std::make_shared<ov::opset13::Parameter>(ov::element::f32, ov::Shape{4});
        const auto difference = swapped ? std::make_shared<ov::opset13::Subtract>(b, a)
                                        : std::make_shared<ov::opset13::Subtract>(a, b);
        return of(
            std::make_shared<ov::Model>(ov::OutputVector{difference}, ov::ParameterVector{a, b}));
    };
    EXPECT_NE(subtract(false), subtract(true));
}

TEST(GraphFingerprint, ReadModelHasOneFingerprintHoweverOftenItIsRead) {
    const auto folder = std::filesystem::path(::testing::TempDir());
    const auto xml = (folder / "graph_fingerprint.xml").string();
    ov::save_model(attention_model(), xml, false);
    ov::Core core;
    EXPECT_EQ(of(core.read_model(xml)), of(core.read_model(xml)));
}

// Without a mapping, the runtime notes in the model where its weights were.
TEST(GraphFingerprint, WhereAModelWasReadFromCountsAsLittleAsHow) {
    const auto folder = std::filesystem::path(::testing::TempDir());
    const auto here = (folder / "fingerprint_here.xml").string();
    const auto there = (folder / "fingerprint_there.xml").string();
    ov::save_model(attention_model(), here, false);
    ov::save_model(attention_model(), there, false);
    ov::Core core;
    const auto mapped = of(core.read_model(here));
    core.set_property(ov::enable_mmap(false));
    EXPECT_EQ(of(core.read_model(here)), mapped);
    EXPECT_EQ(of(core.read_model(there)), mapped);
}

}  // namespace
}  // namespace larder::internal::openvino
