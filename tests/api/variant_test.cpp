// Blobs of one model for several shapes refer to the bytes of one of them, on the real runtime.
#include <algorithm>
#include <random>
#include <vector>

#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>

#include "harness.h"
#include "larder/larder.hpp"
#include "larder/store.hpp"
#include "small_models/small_models.h"

namespace larder::testing {
namespace op = ov::opset13;
namespace {

constexpr std::size_t k_shapes = 8;
constexpr std::size_t k_channels = 192;
constexpr std::size_t k_convolutions = 3;

// Three convolutions of 1.3 MB each, and a constant before them that depends on the height: the
// following bytes move by 64 bytes from shape to shape, which is not a page.
std::shared_ptr<ov::Model> model_of_height(std::size_t height) {
    std::mt19937 random(1);
    const auto constant = [&](const ov::Shape& shape) {
        std::vector<float> values(ov::shape_size(shape));
        for (auto& value : values) {
            value = static_cast<float>(random() % 2000) / 20000.0F - 0.05F;
        }
        return op::Constant::create(ov::element::f32, shape, values);
    };
    const ov::Shape shape{1, k_channels, height, 4};
    std::vector<std::shared_ptr<op::Constant>> weights;
    for (std::size_t i = 0; i < k_convolutions; ++i) {
        weights.push_back(constant({k_channels, k_channels, 3, 3}));
    }
    const auto x = std::make_shared<op::Parameter>(ov::element::f32, shape);
    ov::Output<ov::Node> h = std::make_shared<op::Add>(x, constant({1, 1, height, 4}));
    for (const auto& w : weights) {
        const auto convolution =
            std::make_shared<op::Convolution>(h, w, ov::Strides{1, 1}, ov::CoordinateDiff{1, 1},
                                              ov::CoordinateDiff{1, 1}, ov::Strides{1, 1});
        h = std::make_shared<op::Tanh>(convolution);
    }
    return std::make_shared<ov::Model>(ov::OutputVector{h}, ov::ParameterVector{x}, "variants");
}

std::vector<float> outputs_of(ov::CompiledModel& compiled, const ov::Model& model) {
    auto request = compiled.create_infer_request();
    const auto inputs = inputs_of(model);
    for (std::size_t i = 0; i < inputs.size(); ++i) request.set_input_tensor(i, inputs[i]);
    request.infer();
    return values_of(request.get_output_tensor());
}

class VariantTest : public LarderTest {
protected:
    VariantTest() {
        options_.directory = directory_;
        options_.state_directory = state_;
        for (std::size_t i = 0; i < k_shapes; ++i) {
            models_.push_back(model_of_height(4 * (i + 1)));
            auto compiled = core_.compile_model(models_[i], "CPU");
            expected_.push_back(outputs_of(compiled, *models_[i]));
        }
    }
    void keep_all() {
        Cache cache(options_);
        for (const auto& model : models_) {
            const auto result = cache.compile_model(core_, model, "CPU");
            EXPECT_EQ(result.outcome, Outcome::compiled) << result.reason;
        }
    }
    // All at once, as programs hold them.
    void expect_all_loaded() {
        Cache cache(options_);
        std::vector<ov::CompiledModel> loaded;
        for (const auto& model : models_) {
            auto result = cache.compile_model(core_, model, "CPU");
            EXPECT_EQ(result.outcome, Outcome::loaded) << result.reason;
            loaded.push_back(result.model);
        }
        for (std::size_t i = 0; i < k_shapes; ++i) {
            EXPECT_EQ(outputs_of(loaded[i], *models_[i]), expected_[i]) << i;
        }
    }

    ov::Core core_;
    Options options_;
    std::vector<std::shared_ptr<ov::Model>> models_;
    std::vector<std::vector<float>> expected_;
};

TEST_F(VariantTest, EightShapesTakeHardlyMoreThanOneAndGiveTheSameResults) {
    keep_all();
    const Store store(options_);
    const auto entries = store.entries();
    ASSERT_EQ(entries.size(), k_shapes);
    const auto variants = std::count_if(entries.begin(), entries.end(), [](const EntryInfo& entry) {
        return entry.objects.size() == 2;
    });
    EXPECT_EQ(static_cast<std::size_t>(variants), k_shapes - 1);
    EXPECT_LT(store.total_bytes(), entries.front().bytes * 5 / 4);
    for (const auto& entry : entries)
        EXPECT_GE(entry.bytes, k_convolutions * k_channels * k_channels * 36);
    expect_all_loaded();
}

TEST_F(VariantTest, OutliveTheEntryOfTheirBase) {
    keep_all();
    Store store(options_);
    const auto entries = store.entries();
    const auto base = std::find_if(entries.begin(), entries.end(), [](const EntryInfo& entry) {
        return entry.objects.size() == 1;
    });
    ASSERT_NE(base, entries.end());
    Cache cache(options_);
    auto before = cache.compile_model(core_, models_[3], "CPU");
    EXPECT_EQ(before.outcome, Outcome::loaded);
    const auto planned = store.remove({base->key}, DryRun::yes);
    const auto removed = store.remove({base->key}, DryRun::no);
    EXPECT_EQ(removed.freed_bytes, planned.freed_bytes);
    EXPECT_LT(removed.freed_bytes, base->bytes / 10) << "its bytes are those of the others, too";
    EXPECT_EQ(outputs_of(before.model, *models_[3]), expected_[3]);
    const auto again = cache.compile_model(core_, models_[0], "CPU");
    EXPECT_EQ(again.outcome, Outcome::compiled);
    expect_all_loaded();
}

TEST_F(VariantTest, ADamagedBaseIsCompiledAnewForEach) {
    keep_all();
    const auto entries = Store(options_).entries();
    const auto base = std::find_if(entries.begin(), entries.end(), [](const EntryInfo& entry) {
        return entry.objects.size() == 1;
    });
    ASSERT_NE(base, entries.end());
    const auto& digest = base->objects.front().digest;
    change_byte_unseen(directory_ / "objects" / digest.substr(0, 2) / digest, base->bytes / 2);
    for (const auto expected : {Outcome::compiled, Outcome::loaded}) {
        Cache cache(options_);
        for (std::size_t i = 0; i < k_shapes; ++i) {
            auto result = cache.compile_model(core_, models_[i], "CPU");
            EXPECT_EQ(result.outcome, expected) << i << ": " << result.reason;
            EXPECT_EQ(outputs_of(result.model, *models_[i]), expected_[i]) << i;
        }
    }
}

}  // namespace
}  // namespace larder::testing
