// Goal: every property that is left out of the key acts only at run time. Method: compile with a
// value; import a blob that was compiled without it, with the same value; every effective property
// and every output must be equal. And vice versa.
#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>
#include <openvino/openvino.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "openvino/blob_stream.h"
#include "openvino/compat.h"
#include "openvino/properties.h"
#include "small_models/small_models.h"

namespace larder::internal::openvino {
namespace {

using Models = std::vector<std::shared_ptr<ov::Model>>;

Models models() {
    return {larder::testing::dense_model(), larder::testing::convolution_model(),
            larder::testing::attention_model()};
}

// Values other than the default for every property of the list.
const std::map<std::string, std::vector<std::string>>& values() {
    static const std::map<std::string, std::vector<std::string>> k_values{
        {"NUM_STREAMS", {"1", "2", "AUTO"}},
        {"INFERENCE_NUM_THREADS", {"1", "2"}},
        {"PERF_COUNT", {"YES"}},
        {"PERFORMANCE_HINT", {"LATENCY", "THROUGHPUT", "CUMULATIVE_THROUGHPUT"}},
        {"PERFORMANCE_HINT_NUM_REQUESTS", {"1", "4"}},
        {"ENABLE_CPU_PINNING", {"YES", "NO"}},
        {"ENABLE_CPU_RESERVATION", {"YES"}},
        {"ENABLE_HYPER_THREADING", {"YES", "NO"}},
        {"SCHEDULING_CORE_TYPE", {"ANY_CORE", "PCORE_ONLY", "ECORE_ONLY"}},
        {"LOG_LEVEL", {"LOG_ERROR"}},
    };
    return k_values;
}

// The observable properties of a compiled model, as text.
std::string portrait(ov::CompiledModel& compiled, const std::vector<ov::Tensor>& inputs) {
    std::ostringstream text;
    for (const auto& name : compiled.get_property(ov::supported_properties)) {
        if (name == ov::loaded_from_cache.name()) continue;
        text << name << '=';
        try {
            compiled.get_property(name).print(text);
        } catch (const std::exception&) {
            text << '?';
        }
        text << '\n';
    }
    for (const auto& port : compiled.inputs()) text << port << '\n';
    for (const auto& port : compiled.outputs()) text << port << '\n';
    auto request = compiled.create_infer_request();
    for (std::size_t i = 0; i < inputs.size(); ++i) request.set_input_tensor(i, inputs[i]);
    request.infer();
    text << std::hexfloat;
    for (std::size_t i = 0; i < compiled.outputs().size(); ++i) {
        for (const auto value : larder::testing::values_of(request.get_output_tensor(i))) {
            text << value << ' ';
        }
    }
    return text.str();
}

std::string exported(const std::shared_ptr<ov::Model>& model, const ov::AnyMap& properties) {
    ov::Core core;
    std::ostringstream blob;
    core.compile_model(model, "CPU", properties).export_model(blob);
    return blob.str();
}

std::string compiled_portrait(const std::shared_ptr<ov::Model>& model,
                              const ov::AnyMap& properties) {
    ov::Core core;
    auto compiled = core.compile_model(model, "CPU", properties);
    return portrait(compiled, larder::testing::inputs_of(*model));
}

std::string imported_portrait(const std::shared_ptr<ov::Model>& model, const std::string& blob,
                              const ov::AnyMap& properties) {
    ov::Core core;
    const runtime::Blob bytes{std::as_bytes(std::span(blob)), nullptr};
    auto imported = compat::import_model(core, tensor_over(bytes), "CPU", properties);
    return portrait(imported, larder::testing::inputs_of(*model));
}

// In a process of its own, because a reserved core is released only at its end.
std::string in_a_child(const std::function<std::string()>& work) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    const auto child = ::fork();
    if (child == 0) {
        std::string text;
        try {
            text = work();
        } catch (const std::exception& error) {
            text = std::string("threw: ") + error.what();
        }
        for (std::size_t at = 0; at < text.size();) {
            const auto written = ::write(ends[1], text.data() + at, text.size() - at);
            if (written <= 0) break;
            at += static_cast<std::size_t>(written);
        }
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string text;
    std::array<char, 4096> buffer{};
    for (auto got = ::read(ends[0], buffer.data(), buffer.size()); got > 0;
         got = ::read(ends[0], buffer.data(), buffer.size())) {
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    ::close(ends[0]);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child died";
    EXPECT_FALSE(text.empty());
    return text;
}

TEST(RunTimeProperties, EveryMemberIsProvenHere) {
    for (const auto& name : run_time_properties("CPU")) {
        EXPECT_TRUE(values().contains(name)) << name;
    }
}

class RunTimeProperty : public ::testing::TestWithParam<std::string> {};

// Older releases lack some of them, and refuse a request that has one.
bool is_supported(const std::string& name) {
    ov::Core core;
    const auto names = core.get_property("CPU", ov::supported_properties);
    return std::ranges::find(names, name) != names.end();
}

TEST_P(RunTimeProperty, ImportingWithItEqualsCompilingWithIt) {
    const auto& name = GetParam();
    if (!is_supported(name)) GTEST_SKIP() << "this OpenVINO has no " << name;
    for (const auto& model : models()) {
        const auto plain_blob = in_a_child([&] { return exported(model, {}); });
        for (const auto& value : values().at(name)) {
            const ov::AnyMap properties{{name, value}};
            const auto fresh = in_a_child([&] { return compiled_portrait(model, properties); });
            const auto loaded =
                in_a_child([&] { return imported_portrait(model, plain_blob, properties); });
            EXPECT_EQ(fresh, loaded) << name << '=' << value << ' ' << model->get_friendly_name();
            ASSERT_EQ(fresh.rfind("threw", 0), std::string::npos) << fresh;
        }
    }
}

TEST_P(RunTimeProperty, ABlobCompiledWithItServesARequestWithoutIt) {
    const auto& name = GetParam();
    if (!is_supported(name)) GTEST_SKIP() << "this OpenVINO has no " << name;
    for (const auto& model : models()) {
        const auto fresh = in_a_child([&] { return compiled_portrait(model, {}); });
        for (const auto& value : values().at(name)) {
            const auto blob = in_a_child([&] { return exported(model, {{name, value}}); });
            const auto loaded = in_a_child([&] { return imported_portrait(model, blob, {}); });
            EXPECT_EQ(fresh, loaded) << name << '=' << value << ' ' << model->get_friendly_name();
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Cpu, RunTimeProperty,
                         ::testing::ValuesIn(run_time_properties("CPU").begin(),
                                             run_time_properties("CPU").end()),
                         [](const auto& test) { return test.param; });

// Proves that the test above can fail: this property has no effect at an import, and so stays in
// the key.
TEST(RunTimeProperties, TheDifferentialTestTellsAPropertyThatActsWhenCompiling) {
    const auto model = larder::testing::dense_model();
    const auto plain_blob = in_a_child([&] { return exported(model, {}); });
    const ov::AnyMap properties{{"TBB_PARTITIONER", "AUTO"}};
    EXPECT_NE(in_a_child([&] { return compiled_portrait(model, properties); }),
              in_a_child([&] { return imported_portrait(model, plain_blob, properties); }));
    EXPECT_FALSE(run_time_properties("CPU").contains("TBB_PARTITIONER"));
}

TEST(CanonicalText, OneMeaningHasOneText) {
    const ov::Any yes_or_no(true);
    EXPECT_EQ(canonical_text(ov::Any("YES"), yes_or_no), canonical_text(ov::Any(true), yes_or_no));
    const ov::Any number(4U);
    EXPECT_EQ(canonical_text(ov::Any("7"), number), canonical_text(ov::Any(7), number));
    const ov::Any type(ov::element::Type(ov::element::f32));
    EXPECT_EQ(canonical_text(ov::Any("f32"), type),
              canonical_text(ov::Any(ov::element::Type(ov::element::f32)), type));
}

TEST(CanonicalText, AValueWithoutTextHasNone) {
    EXPECT_FALSE(canonical_text(ov::Any(compat::EncryptionCallbacks{}), {}).has_value());
}

TEST(CacheControl, IsRemovedAtAnyDepth) {
    const ov::AnyMap nested{
        {"CACHE_DIR", "a"},
        {"DEVICE_PROPERTIES", ov::AnyMap{{"CPU", ov::AnyMap{{"CACHE_DIR", "b"}, {"X", "1"}}}}}};
    const auto kept = without_cache_control(nested);
    EXPECT_FALSE(kept.contains("CACHE_DIR"));
    const auto& cpu = kept.at("DEVICE_PROPERTIES").as<ov::AnyMap>().at("CPU").as<ov::AnyMap>();
    EXPECT_FALSE(cpu.contains("CACHE_DIR"));
    EXPECT_TRUE(cpu.contains("X"));
}

}  // namespace
}  // namespace larder::internal::openvino
