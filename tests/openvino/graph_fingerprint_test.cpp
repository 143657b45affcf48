#include "openvino/graph_fingerprint.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <openvino/core/symbol.hpp>
#include <openvino/frontend/gguf/tokenizer_metadata.hpp>
#include <openvino/op/util/precision_sensitive_attribute.hpp>
#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>
#include <openvino/pass/serialize.hpp>

#include "openvino/model_walk.h"
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

TEST(GraphFingerprint, ShapesAreWrittenAsTheRuntimeWritesThem) {
    using ov::Dimension;
    const std::vector<ov::PartialShape> shapes{
        {},
        ov::PartialShape::dynamic(),
        ov::PartialShape::dynamic(3),
        {0},
        {1, 224, 224, 3},
        {-1, 7},
        {Dimension(0, 5), Dimension(3, -1), Dimension(2, 9), Dimension(4, 4), Dimension(0, 0)},
        {Dimension(1, -1), std::int64_t{1} << 40, Dimension(0, std::int64_t{1} << 40)},
    };
    for (const auto& shape : shapes) EXPECT_EQ(text_of(shape), shape.to_string());
}

TEST(GraphFingerprint, SameModelBuiltTwiceIsTheSame) {
    // Names that the runtime generates count up from model to model.
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

TEST(GraphFingerprint, NamesDoNotCount) {
    const auto base = of(loop_model());
    const auto renamed = loop_model();
    renamed->set_friendly_name("another");
    const auto rename = [](const ov::Node& node) {
        auto& named = const_cast<ov::Node&>(node);
        // Like llama.cpp's.
        named.set_friendly_name(std::to_string(reinterpret_cast<std::uintptr_t>(&node)));
        named.get_rt_info()["fused_names_0"] = named.get_friendly_name();
        for (auto& output : named.outputs()) output.set_names({"t" + named.get_friendly_name()});
    };
    walk(*renamed, rename);
    EXPECT_EQ(base, of(renamed));
}

std::shared_ptr<ov::Model> with_variables(const std::vector<std::string>& order, bool are_used) {
    const auto x = std::make_shared<ov::opset13::Parameter>(ov::element::f32, ov::Shape{4});
    std::map<std::string, std::shared_ptr<ov::op::util::Variable>> variables;
    ov::SinkVector sinks;
    ov::Output<ov::Node> y = x;
    for (const auto* id : {"a", "b", "c"}) {
        const auto variable = std::make_shared<ov::op::util::Variable>(
            ov::op::util::VariableInfo{ov::Shape{4}, ov::element::f32, id});
        variables.emplace(id, variable);
        if (!are_used) continue;
        y = std::make_shared<ov::opset13::ReadValue>(y, variable);
        sinks.push_back(std::make_shared<ov::opset13::Assign>(y, variable));
    }
    ov::op::util::VariableVector ordered;
    for (const auto& id : order) ordered.push_back(variables.at(id));
    return std::make_shared<ov::Model>(ov::ResultVector{std::make_shared<ov::opset13::Result>(y)},
                                       sinks, ov::ParameterVector{x}, ordered);
}

// Like those of paged attention.
TEST(GraphFingerprint, TheOrderOfVariablesCountsOnlyWhereTheyAreUsed) {
    const auto model = with_variables;
    EXPECT_EQ(of(model({"a", "b", "c"}, false)), of(model({"c", "a", "b"}, false)));
    EXPECT_NE(of(model({"a", "b", "c"}, false)), of(model({"a", "b"}, false)));
    EXPECT_NE(of(model({"a", "b", "c"}, true)), of(model({"c", "a", "b"}, true)));
}

// On CPU, the states of a request have the same order whatever the order of the model's variables.
TEST(GraphFingerprint, TheOrderOfVariablesDoesNotCountIfTheDeviceIgnoresIt) {
    const auto on_cpu = [](const std::vector<std::string>& order) {
        PlainHasher hasher;
        return fingerprint_graph(*with_variables(order, true), hasher,
                                 VariableOrder::does_not_count)
            .value();
    };
    EXPECT_EQ(on_cpu({"a", "b", "c"}), on_cpu({"c", "a", "b"}));
    const auto states = [](const std::vector<std::string>& order) {
        ov::Core core;
        auto compiled = core.compile_model(with_variables(order, true), "CPU");
        std::vector<std::string> names;
        for (const auto& state : compiled.create_infer_request().query_state()) {
            names.push_back(state.get_name());
        }
        return names;
    };
    EXPECT_EQ(states({"a", "b", "c"}), states({"c", "a", "b"}));
}

TEST(GraphFingerprint, IdsOfVariablesCount) {
    const auto stateful = [](const std::string& id) {
        const auto x = std::make_shared<ov::opset13::Parameter>(ov::element::f32, ov::Shape{4});
        const auto variable = std::make_shared<ov::op::util::Variable>(
            ov::op::util::VariableInfo{ov::Shape{4}, ov::element::f32, id});
        const auto old = std::make_shared<ov::opset13::ReadValue>(x, variable);
        const auto now = std::make_shared<ov::opset13::Assign>(old, variable);
        return of(std::make_shared<ov::Model>(ov::OutputVector{old}, ov::SinkVector{now},
                                              ov::ParameterVector{x}));
    };
    EXPECT_EQ(stateful("a"), stateful("a"));
    EXPECT_NE(stateful("a"), stateful("b"));
}

// One model for each of `values`, which differ only in it; all fingerprints must differ.
void expect_all_differ(const std::vector<ov::Any>& values) {
    std::set<std::string> found;
    for (const auto& value : values) {
        const auto model = dense_model();
        model->get_rt_info()["noted"] = value;
        found.insert(of(model).hex());
        EXPECT_EQ(*found.find(of(model).hex()), of(model).hex());
    }
    EXPECT_EQ(found.size(), values.size());
}

TEST(GraphFingerprint, NumbersCountToTheLastBit) {
    const auto above = [](auto value) { return std::nextafter(value, decltype(value){2}); };
    expect_all_differ({0.1F, above(0.1F), 0.1, above(0.1), 0.0, -0.0, std::vector<float>{1, 0.1F},
                       std::vector<float>{1, above(0.1F)}, ov::AnyMap{{"deep", 0.1}},
                       ov::AnyMap{{"deep", above(0.1)}}});
}

TEST(GraphFingerprint, ValuesOfDifferentTypesDiffer) {
    using Strings = std::vector<std::string>;
    expect_all_differ({1,
                       1.0,
                       1.0F,
                       std::int64_t{1} << 40,
                       true,
                       "1",
                       ov::Any{},
                       std::vector<int>{1},
                       std::vector<bool>{true},
                       Strings{"1"},
                       Strings{"a b"},
                       Strings{"a", "b"},
                       ov::AnyMap{{"1", 1}},
                       ov::AnyMap{{"1", "1"}},
                       ov::AnyMap{},
                       ov::element::f16,
                       ov::element::bf16,
                       ov::PartialShape{1, 2},
                       ov::Shape{1, 2},
                       ov::Layout("NC"),
                       ov::hint::Priority::HIGH});
}

TEST(GraphFingerprint, ATokenizerOfAGgufCountsByItsContent) {
    using Tokenizer = ov::frontend::gguf::GGUFTokenizerMetadata;
    using Tokens = std::vector<std::string>;
    const auto with = [](const Tokens& tokens, std::int32_t end, const ov::Shape& shape) {
        ov::Tensor number(ov::element::i32, shape);
        number.data<std::int32_t>()[0] = end;
        return ov::Any(std::make_shared<Tokenizer>(ov::AnyMap{
            {"model", std::string("gpt2")}, {"tokens", tokens}, {"eos_token_id", number}}));
    };
    expect_all_differ({with({"a", "b"}, 1, {}), with({"a", "c"}, 1, {}), with({"a", "b"}, 2, {}),
                       with({"a", "b"}, 1, {1}), ov::Any(std::make_shared<Tokenizer>())});
    const auto model = dense_model();
    const auto again = dense_model();
    model->get_rt_info()["noted"] = with({"a", "b"}, 1, {});
    again->get_rt_info()["noted"] = with({"a", "b"}, 1, {});
    EXPECT_EQ(of(model), of(again));
}

struct Unprinted {
    int value = 0;
};

struct Unseen : ov::RuntimeAttribute {
    OPENVINO_RTTI("unseen", "0", ov::RuntimeAttribute)
};

TEST(GraphFingerprint, RunTimeInformationOfUnknownTypeIsRefused) {
    // Prints nothing; prints an address, which differs in each process; shows nothing.
    for (const ov::Any& value : {ov::Any(Unprinted{}), ov::Any(std::make_shared<int>(1)),
                                 ov::Any(ov::AnyMap{{"deep", Unprinted{}}}), ov::Any(Unseen{})}) {
        const auto model = dense_model();
        model->get_ordered_ops().back()->get_rt_info()["noted"] = value;
        PlainHasher hasher;
        const auto digest = fingerprint_graph(*model, hasher);
        ASSERT_FALSE(digest.has_value());
        EXPECT_EQ(digest.error().code, Errc::unsupported);
    }
}

TEST(GraphFingerprint, MarkOfTheRuntimeOnAnInputCounts) {
    const auto marked = dense_model();
    ov::mark_as_precision_sensitive(marked->get_results()[0]->input(0));
    EXPECT_NE(of(dense_model()), of(marked));
}

TEST(GraphFingerprint, DiffersWithRunTimeInformation) {
    auto hinted = dense_model();
    hinted->set_rt_info("f16", "runtime_options", "KV_CACHE_PRECISION");
    EXPECT_NE(of(dense_model()), of(hinted));
    auto laid_out = convolution_model();
    laid_out->get_parameters()[0]->set_layout("NCHW");
    EXPECT_NE(of(convolution_model()), of(laid_out));
}

// A converter records its settings in a nested <rt_info>, which the runtime reads into an object of
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

using Parameter = ov::opset13::Parameter;

std::shared_ptr<Parameter> input(const ov::PartialShape& shape) {
    return std::make_shared<Parameter>(ov::element::f32, shape);
}

TEST(GraphFingerprint, DiffersWhenInputsOrOutputsAreExchanged) {
    const auto build = [](bool inputs, bool outputs) {
        const auto a = input(ov::Shape{4});
        const auto b = input(ov::Shape{4});
        ov::OutputVector values{std::make_shared<ov::opset13::Subtract>(a, b),
                                std::make_shared<ov::opset13::Relu>(a)};
        if (outputs) std::swap(values[0], values[1]);
        return of(std::make_shared<ov::Model>(
            values, inputs ? ov::ParameterVector{b, a} : ov::ParameterVector{a, b}));
    };
    const std::set<std::string> found{build(false, false).hex(), build(true, false).hex(),
                                      build(false, true).hex()};
    EXPECT_EQ(found.size(), 3U);
}

TEST(GraphFingerprint, DiffersWithAControlDependency) {
    const auto build = [](bool after) {
        const auto x = input(ov::Shape{4});
        const auto first = std::make_shared<ov::opset13::Relu>(x);
        const auto second = std::make_shared<ov::opset13::Tanh>(x);
        if (after) second->add_control_dependency(first);
        return of(
            std::make_shared<ov::Model>(ov::OutputVector{first, second}, ov::ParameterVector{x}));
    };
    EXPECT_NE(build(false), build(true));
}

TEST(GraphFingerprint, DiffersWithTheOpsetOfAnOperation) {
    const auto build = [](const auto& softmax) {
        const auto x = input(ov::Shape{4, 4});
        return of(
            std::make_shared<ov::Model>(ov::OutputVector{softmax(x)}, ov::ParameterVector{x}));
    };
    EXPECT_NE(build([](const auto& x) { return std::make_shared<ov::op::v1::Softmax>(x, 1); }),
              build([](const auto& x) { return std::make_shared<ov::op::v8::Softmax>(x, 1); }));
}

TEST(GraphFingerprint, DiffersWithTheBoundsOfADimensionAndWithEqualOnes) {
    const auto build = [](ov::Dimension first, ov::Dimension second, bool equal) {
        const auto symbol = std::make_shared<ov::Symbol>();
        first.set_symbol(symbol);
        second.set_symbol(equal ? symbol : std::make_shared<ov::Symbol>());
        const auto x = input(ov::PartialShape{first, second});
        return of(std::make_shared<ov::Model>(
            ov::OutputVector{std::make_shared<ov::opset13::Relu>(x)}, ov::ParameterVector{x}));
    };
    const ov::Dimension any;
    EXPECT_EQ(build(any, any, true), build(any, any, true));
    EXPECT_NE(build(any, any, true), build(any, any, false));
    EXPECT_NE(build({1, 4}, any, true), build({1, 8}, any, true));
}

TEST(GraphFingerprint, ConstantCountsByItsBitsAndType) {
    const auto build = [](const ov::element::Type& type, std::uint32_t bits) {
        const auto constant = std::make_shared<ov::opset13::Constant>(type, ov::Shape{1}, &bits);
        const auto x = input(ov::Shape{1});
        const auto value = std::make_shared<ov::opset13::Convert>(constant, ov::element::f32);
        return of(std::make_shared<ov::Model>(
                      ov::OutputVector{std::make_shared<ov::opset13::Add>(x, value)},
                      ov::ParameterVector{x}))
            .hex();
    };
    constexpr std::uint32_t k_zero = 0;
    constexpr std::uint32_t k_negative_zero = 0x80000000;
    constexpr std::uint32_t k_nan = 0x7fc00000;
    const std::set<std::string> found{
        build(ov::element::f32, k_zero), build(ov::element::f32, k_negative_zero),
        build(ov::element::f32, k_nan),  build(ov::element::f32, k_nan + 1),
        build(ov::element::i32, k_zero), build(ov::element::u32, k_zero),
        build(ov::element::i8, k_zero),  build(ov::element::u8, k_zero)};
    EXPECT_EQ(found.size(), 8U);
}

TEST(GraphFingerprint, ReadModelHasOneFingerprintHoweverOftenItIsRead) {
    const auto folder = std::filesystem::path(::testing::TempDir());
    const auto xml = (folder / "graph_fingerprint.xml").string();
    ov::save_model(attention_model(), xml, false);
    ov::Core core;
    EXPECT_EQ(of(core.read_model(xml)), of(core.read_model(xml)));
}

// Without a mapping, the runtime records the position of the weights in the model.
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
