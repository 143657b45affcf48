// Tests the memory that remains after a compile, and that the model still works.
#include <cstdint>
#include <fstream>
#include <optional>
#include <random>
#include <string>

#include <malloc.h>
#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>

#include "harness.h"
#include "larder/larder.hpp"
#include "small_models/small_models.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace op = ov::opset13;
namespace {

constexpr std::size_t k_width = 2048;
constexpr std::size_t k_layers = 10;
constexpr std::uint64_t k_mib = std::uint64_t{1} << 20;
constexpr std::uint64_t k_weights_f32 = k_width * k_width * sizeof(float) * k_layers;  // 160 MiB

// Its file holds f16 weights, and the compile unpacks them: plugins fold the conversion.
std::shared_ptr<ov::Model> folding_model(std::uint32_t seed) {
    std::minstd_rand random(seed);
    const auto x = std::make_shared<op::Parameter>(ov::element::f32, ov::PartialShape{1, k_width});
    ov::Output<ov::Node> h = x;
    for (std::size_t i = 0; i < k_layers; ++i) {
        std::vector<ov::float16> values(k_width * k_width);
        for (auto& value : values) {
            value = ov::float16((static_cast<float>(random() % 1000) - 499.5F) / 10000.0F);
        }
        const auto w = op::Constant::create(ov::element::f16, {k_width, k_width}, values);
        const auto unpacked = std::make_shared<op::Convert>(w, ov::element::f32);
        h = std::make_shared<op::Relu>(std::make_shared<op::MatMul>(h, unpacked, false, true));
    }
    return std::make_shared<ov::Model>(ov::OutputVector{h}, ov::ParameterVector{x});
}

std::uint64_t memory_of_kind(const std::string& kind) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(kind + ":")) return std::stoull(line.substr(kind.size() + 1)) * 1024;
    }
    return 0;
}
std::uint64_t heap() { return memory_of_kind("RssAnon"); }

// The memory of mapped pages of files whose path contains `part`; nothing if none is mapped.
std::optional<std::uint64_t> resident_of(const std::string& part) {
    std::ifstream smaps("/proc/self/smaps");
    std::optional<std::uint64_t> bytes;
    bool counts = false;
    for (std::string line; std::getline(smaps, line);) {
        if (line.find(" kB") == std::string::npos && line.find('-') < 17) {
            counts = line.find(part) != std::string::npos;
            if (counts) bytes = bytes.value_or(0);
        }
        if (counts && line.starts_with("Rss:")) *bytes += std::stoull(line.substr(4)) * 1024;
    }
    return bytes;
}

ov::Tensor question() {
    ov::Tensor tensor(ov::element::f32, {1, k_width});
    auto* const values = tensor.data<float>();
    for (std::size_t i = 0; i < k_width; ++i) values[i] = static_cast<float>(i % 17) - 8;
    return tensor;
}

std::vector<float> infer(ov::CompiledModel& model) {
    auto request = model.create_infer_request();
    request.set_input_tensor(question());
    request.infer();
    return values_of(request.get_output_tensor());
}

class ReleaseMemory : public LarderTest {
protected:
    ReleaseMemory() { (void)core_.compile_model(dense_model(), "CPU"); }

    Options options(bool release_memory) const {
        return {.directory = directory_,
                .state_directory = state_,
                .release_memory =
                    release_memory ? larder::ReleaseMemory::on : larder::ReleaseMemory::off,
                .publish = Publish::first,
                .prefault = Prefault::off};
    }
    std::vector<float> fresh(const fs::path& model) {
        auto compiled = core_.compile_model(model.string(), "CPU");
        return infer(compiled);
    }

    ov::Core core_;
};

TEST_F(ReleaseMemory, AfterACompileOnlyTheModelIsLeft) {
    const auto model = save(folding_model(1), "m");
    const auto expected = fresh(model);
    ::malloc_trim(0);
    std::uint64_t kept_heap = 0;
    {
        Cache cache(options(false));
        const auto before = heap();
        const auto result = cache.compile_model(core_, model, "CPU");
        kept_heap = heap() - before;
        ASSERT_EQ(result.outcome, Outcome::compiled) << result.reason;
    }
    fs::remove_all(directory_);
    ::malloc_trim(0);
    Cache cache(options(true));
    const auto before = heap();
    auto result = cache.compile_model(core_, model, "CPU");
    ASSERT_EQ(result.outcome, Outcome::compiled) << result.reason;
    EXPECT_FALSE(result.model.get_property(ov::loaded_from_cache));
    EXPECT_FALSE(resident_of("/m.bin")) << "what it was compiled from is still mapped";
    const auto blob = resident_of("/objects/");
    ASSERT_TRUE(blob);
    EXPECT_LT(*blob, 16 * k_mib);
    // The unpacked weights are in memory once, not twice.
    EXPECT_LT(heap() - before + k_weights_f32 * 3 / 4, kept_heap);
    EXPECT_EQ(infer(result.model), expected);
}

TEST_F(ReleaseMemory, AModelOfTheProgramsOwnIsLeftAlone) {
    const auto model = folding_model(2);
    const auto nodes = model->get_ordered_ops();
    Cache cache(options(true));
    auto result = cache.compile_model(core_, model, "CPU");
    ASSERT_EQ(result.outcome, Outcome::compiled) << result.reason;
    EXPECT_EQ(model->get_ordered_ops(), nodes);
    auto compiled = core_.compile_model(model, "CPU");
    EXPECT_EQ(infer(result.model), infer(compiled));
    EXPECT_EQ(cache.compile_model(core_, folding_model(2), "CPU").outcome, Outcome::loaded);
}

TEST_F(ReleaseMemory, SeveralModelsRequestsAndImportsGoOnWithoutTheirFiles) {
    const auto one = save(folding_model(3), "one");
    const auto two = save(folding_model(4), "two");
    const auto expected_one = fresh(one);
    const auto expected_two = fresh(two);
    Cache cache(options(true));
    auto first = cache.compile_model(core_, one, "CPU");
    auto other = cache.compile_model(core_, two, "CPU");
    auto second = cache.compile_model(core_, one, "CPU");
    ASSERT_EQ(first.outcome, Outcome::compiled);
    ASSERT_EQ(other.outcome, Outcome::compiled);
    ASSERT_EQ(second.outcome, Outcome::loaded);
    EXPECT_EQ(infer(first.model), expected_one);
    fs::remove_all(directory_);
    for (const auto& name : {"one.xml", "one.bin", "two.xml", "two.bin"}) {
        fs::remove(one.parent_path() / name);
    }
    std::vector<ov::InferRequest> requests;
    for (int i = 0; i < 3; ++i) requests.push_back(first.model.create_infer_request());
    for (auto& request : requests) request.set_input_tensor(question());
    for (auto& request : requests) request.start_async();
    for (auto& request : requests) {
        request.wait();
        EXPECT_EQ(values_of(request.get_output_tensor()), expected_one);
    }
    // Never used before its file was removed.
    EXPECT_EQ(infer(second.model), expected_one);
    EXPECT_EQ(infer(other.model), expected_two);
    first.model = {};
    EXPECT_EQ(infer(second.model), expected_one);
}

}  // namespace
}  // namespace larder::testing
