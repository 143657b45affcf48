// process/large_blocks.h on the real plugin: it redirects the plugin's allocations, and changes no
// result.
#include "process/large_blocks.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include <gtest/gtest.h>
#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>

#include "openvino/request.h"

namespace larder::internal::openvino {
namespace {

namespace op = ov::opset13;

// Weights of 16 MiB, which the plugin packs again.
std::shared_ptr<ov::Model> wide_model() {
    constexpr std::size_t k_width = 2048;
    const auto input = std::make_shared<op::Parameter>(ov::element::f32, ov::Shape{4, k_width});
    std::vector<float> values(k_width * k_width);
    std::uint32_t state = 1;
    for (auto& value : values) {
        state = state * 1664525U + 1013904223U;
        value = static_cast<float>(state >> 20) / 4096.0F - 0.5F;
    }
    const auto weights =
        op::Constant::create(ov::element::f32, ov::Shape{k_width, k_width}, values);
    const auto product = std::make_shared<op::MatMul>(input, weights, false, true);
    return std::make_shared<ov::Model>(ov::OutputVector{product}, ov::ParameterVector{input});
}

class TextSink final : public runtime::BlobSink {
public:
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
        bytes_.resize(std::max<std::size_t>(bytes_.size(), offset + bytes.size()));
        std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
        return {};
    }
    [[nodiscard]] const std::vector<std::byte>& bytes() const { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

std::vector<float> outputs(ov::CompiledModel& compiled) {
    auto request = compiled.create_infer_request();
    auto input = request.get_input_tensor();
    for (std::size_t i = 0; i < input.get_size(); ++i) {
        input.data<float>()[i] = static_cast<float>(i % 13) - 6.0F;
    }
    request.infer();
    const auto output = request.get_output_tensor();
    return {output.data<float>(), output.data<float>() + output.get_size()};
}

TEST(LargeBlocks, ReachThePluginAndChangeNoOutput) {
    ov::Core core;
    Request compiling(core, ModelInput{.path = {}, .model = wide_model(), .build = {}}, "CPU", {});
    compiling.compile();
    TextSink sink;
    ASSERT_TRUE(compiling.export_blob(sink));
    auto compiled = compiling.take();
    const auto expected = outputs(compiled);

    Request importing(core, {}, "CPU", {});
    const auto libraries = importing.unpacking_libraries();
    ASSERT_FALSE(libraries.empty());
    constexpr std::int64_t k_plenty = std::int64_t{1} << 40;
    auto scope = std::make_unique<process::LargeBlockScope>(libraries, k_plenty);
    ASSERT_TRUE(importing.import_blob({sink.bytes(), nullptr}, false));
    auto imported = importing.take();
    EXPECT_EQ(outputs(imported), expected);
    if (process::transparent_huge_pages() != process::HugePages::always) {
        EXPECT_LT(process::LargeBlockScope::budget_bytes_left(), k_plenty);
    }
    scope.reset();
    EXPECT_EQ(outputs(imported), expected);
}

TEST(LargeBlocks, OtherDevicesUnpackElsewhere) {
    ov::Core core;
    EXPECT_TRUE(Request(core, {}, "GPU", {}).unpacking_libraries().empty());
}

}  // namespace
}  // namespace larder::internal::openvino
