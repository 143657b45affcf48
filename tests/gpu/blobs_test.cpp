// For every encoding of a blob, and every damage: the GPU plugin gets the correct blob, or none.
#include <algorithm>
#include <random>

#include "asking/damage.h"
#include "gpu_harness.h"
#include "small_models/small_models.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace {

class GpuDamage : public GpuTest {
protected:
    void SetUp() override {
        GpuTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        model_ = save(dense_model({.width = 32}), "m");
        answers_ = fresh(model_);
        kept_ = expect(model_, Outcome::compiled, answers_);
    }
    [[nodiscard]] fs::path object() const { return object_of(directory_, kept_); }
    [[nodiscard]] fs::path manifest() const { return manifest_of(directory_, kept_); }

    fs::path model_;
    std::string answers_;
    Result kept_;
};

TEST_F(GpuDamage, AMutationIsCompiledAnewAndKept) {
    for (unsigned seed = 0; seed < 4; ++seed) {
        std::mt19937 random(seed);
        const auto victim = seed % 4 == 3 ? manifest() : object();
        put(victim, damaged(bytes_of(victim), random));
        auto result = expect(model_, Outcome::compiled, answers_);
        EXPECT_FALSE(files_in("quarantine").empty()) << "seed " << seed;
        kept_ = expect(model_, Outcome::loaded, answers_);
    }
}

TEST_F(GpuDamage, ACompressedBlobIsCompiledAnew) {
    ASSERT_EQ(store().compress({}, DryRun::no).entries.size(), 1U);
    const auto file = objects().front();
    change_byte_unseen(file, fs::file_size(file) / 2);
    expect(model_, Outcome::compiled, answers_);
    expect(model_, Outcome::loaded, answers_);
}

TEST_F(GpuDamage, ABlobOfAnotherModelIsNotTakenForIt) {
    const auto other = save(dense_model({.seed = 2, .width = 32}), "other");
    const auto second = expect(other, Outcome::compiled, fresh(other));
    const auto path = object_of(directory_, second);
    const auto bytes = bytes_of(path);
    put(path, bytes_of(object()));
    put(object(), bytes);
    expect(other, Outcome::compiled, fresh(other));
    expect(model_, Outcome::compiled, answers_);
}

// From 4 MiB on, the plugin looks for the file that backs a tensor.
class GpuThreshold : public GpuTest, public ::testing::WithParamInterface<std::int64_t> {
protected:
    static constexpr std::int64_t k_threshold = std::int64_t{4} << 20;

    [[nodiscard]] std::int64_t blob_bytes(const ov::CompiledModel& compiled) const {
        std::ostringstream stream;
        auto model = compiled;
        model.export_model(stream);
        return static_cast<std::int64_t>(stream.str().size());
    }
    void SetUp() override {
        GpuTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        // The size of its kernels is unknown.
        static const std::int64_t k_without_tail =
            blob_bytes(core_.compile_model(layers_model(shape_), "GPU")) -
            2 * static_cast<std::int64_t>(shape_.tail);
        ASSERT_LT(k_without_tail, k_threshold - 8192);
        shape_.tail = static_cast<std::size_t>((k_threshold + GetParam() - k_without_tail) / 2);
        model_ = save(layers_model(shape_), "m");
        shape_.seed = 2;
        like_it_ = save(layers_model(shape_), "like it");
    }
    // In a process of its own, because blobs of later models of a process contain longer numbers.
    Answer ask_for(const fs::path& model, const std::string& outcome) const {
        auto answer = ask_gpu(model, {{"ASK_MEMORY", "1"}});
        EXPECT_EQ(answer.outcome, outcome) << answer.reason;
        return answer;
    }

    LayersShape shape_{.width = 600, .tail = 40'000};
    fs::path model_;
    fs::path like_it_;  // differs in its last layer
};

TEST_P(GpuThreshold, HoweverItIsKeptABlobIsTheModel) {
    const auto answer = ask_for(model_, "compiled").outputs;
    const auto kept = store().entries().front();
    EXPECT_NEAR(static_cast<double>(kept.bytes), static_cast<double>(k_threshold + GetParam()),
                2048);
    EXPECT_EQ(ask_for(model_, "loaded").outputs, answer);

    const auto other = ask_for(like_it_, "compiled").outputs;
    ASSERT_NE(other, answer);
    EXPECT_EQ(std::ranges::count(store().entries(), "referring", &EntryInfo::encoding), 1);
    EXPECT_EQ(ask_for(like_it_, "loaded").outputs, other);
    EXPECT_EQ(ask_for(model_, "loaded").outputs, answer);

    // An object that other entries refer to is not compressed.
    std::vector<std::string> others;
    for (const auto& entry : store().entries()) {
        if (entry.encoding == "referring") others.push_back(entry.key);
    }
    store().remove(others, DryRun::no);
    const auto report = store().compress({}, DryRun::no);
    ASSERT_EQ(report.entries.size(), 1U) << report.unchanged.front().reason;
    EXPECT_EQ(ask_for(model_, "loaded").outputs, answer);

    const auto turned = [](const std::string& text) {
        auto copy = text;
        for (auto& byte : copy) byte = static_cast<char>(byte ^ 0x5A);
        return copy;
    };
    const ov::AnyMap encrypted{
        ov::cache_encryption_callbacks(ov::EncryptionCallbacks{turned, turned})};
    auto compiled = Cache(options()).compile_model(core_, model_, "GPU", encrypted);
    EXPECT_EQ(compiled.outcome, Outcome::compiled) << compiled.reason;
    expect(model_, Outcome::loaded, answers_of(compiled.model), "GPU", encrypted);
}

std::string name_of_bytes(const ::testing::TestParamInfo<std::int64_t>& bytes) {
    return (bytes.param < 0 ? "below_by_" : "above_by_") + std::to_string(std::abs(bytes.param));
}

INSTANTIATE_TEST_SUITE_P(Bytes, GpuThreshold, ::testing::Values(-64, 0, 1'000'000), name_of_bytes);

TEST_F(GpuTest, TheLimitHolds) {
    std::vector<fs::path> models;
    for (std::uint32_t seed = 1; seed <= 3; ++seed) {
        models.push_back(save(convolution_model(seed), "m" + std::to_string(seed)));
    }
    const auto first = Cache(options()).compile_model(core_, models[0], "GPU");
    ASSERT_EQ(first.outcome, Outcome::compiled);
    auto limited = options();
    limited.max_size = SizeLimit{.bytes = store().total_bytes() * 7 / 4};
    for (const auto& model : {models[1], models[2], models[0]}) {
        auto result = Cache(limited).compile_model(core_, model, "GPU");
        EXPECT_EQ(answers_of(result.model), fresh(model));
        EXPECT_LE(Store(limited).total_bytes(), limited.max_size->bytes);
    }
    EXPECT_GT(Store(limited).stats().evicted_entries, 0U);
    EXPECT_EQ(store().entries().size(), 1U);
}

}  // namespace
}  // namespace larder::testing
