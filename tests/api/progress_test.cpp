// Goal: who listens to a request hears each of its stages, and how far it is.
// Method: one model is compiled and loaded again; what was told is compared with what has to
// happen.
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <string>
#include <vector>

#include <openvino/openvino.hpp>

#include "harness.h"
#include "larder/larder.hpp"
#include "small_models/small_models.h"

namespace larder::testing {
namespace {

class ProgressTest : public LarderTest {
protected:
    Result request() {
        told_.clear();
        Options options;
        options.directory = directory_;
        options.state_directory = state_;
        options.verify = Verify::always;
        options.weights = Weights::keep;  // what is kept takes a while to be read
        options.log_level = LogLevel::debug;
        options.log_sink = [this](LogLevel, std::string_view text) { logged_.emplace_back(text); };
        options.progress = [this](const StageProgress& now) {
            const std::lock_guard lock(mutex_);
            told_.push_back(now);
        };
        Cache cache(options);
        ov::Core core;
        return cache.compile_model(core, model_, "CPU");
    }

    // The progress reports of a stage; fails if there is none.
    std::vector<StageProgress> of(Stage stage) const {
        std::vector<StageProgress> found;
        std::ranges::copy_if(told_, std::back_inserter(found),
                             [&](const StageProgress& now) { return now.stage == stage; });
        EXPECT_FALSE(found.empty());
        return found;
    }
    static std::uint64_t most(const std::vector<StageProgress>& told) {
        return std::ranges::max(told, {}, &StageProgress::bytes_done).bytes_done;
    }

    void SetUp() override {
        LarderTest::SetUp();
        model_ = root_ / "model.xml";
        ov::save_model(dense_model(), model_, false);
    }

    std::filesystem::path model_;
    std::mutex mutex_;
    std::vector<StageProgress> told_;
    std::vector<std::string> logged_;
};

TEST_F(ProgressTest, TellsOfEachStageAndItsBytes) {
    auto weights = model_;
    weights.replace_extension(".bin");
    const auto bytes = std::filesystem::file_size(model_) + std::filesystem::file_size(weights);

    ASSERT_EQ(request().outcome, Outcome::compiled);
    const auto identifying = of(Stage::identifying);
    EXPECT_EQ(most(identifying), bytes);
    EXPECT_EQ(identifying.front().bytes_total, bytes);
    EXPECT_EQ(identifying.front().request, model_.string() + " on CPU");
    EXPECT_EQ(of(Stage::compiling).front().detail, "because it is not kept yet");
    const auto publishing = of(Stage::publishing);
    EXPECT_EQ(publishing.front().bytes_done, 0U);
    EXPECT_GT(most(publishing), 0U);

    const auto result = request();
    ASSERT_EQ(result.outcome, Outcome::loaded);
    const auto verifying = of(Stage::verifying);
    EXPECT_EQ(most(verifying), result.object_bytes);
    EXPECT_EQ(verifying.front().bytes_total, result.object_bytes);
    EXPECT_FALSE(of(Stage::loading).empty());
    EXPECT_TRUE(std::ranges::none_of(told_, [](const StageProgress& now) {
        return now.stage == Stage::compiling || now.stage == Stage::waiting;
    }));
    for (const auto& text : logged_) {
        EXPECT_EQ(text.find(": loading"), std::string::npos) << "it was told already: " << text;
    }
}

}  // namespace
}  // namespace larder::testing
