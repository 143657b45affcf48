// A loaded model on a GPU gives the same answers as a compiled one, for each kind of model and
// request, and after every change of the model's files.
#include <functional>
#include <thread>

#include "gpu_harness.h"
#include "small_models/small_models.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace {

struct Kind {
    std::string name;
    std::function<std::shared_ptr<ov::Model>()> make;
};

std::vector<Kind> kinds() {
    return {{"dense", [] { return dense_model(); }},
            {"convolution", [] { return convolution_model(); }},
            {"dynamic", [] { return attention_model(); }},
            {"loop", [] { return loop_model(); }},
            {"state", [] { return stateful_model(); }}};
}

struct Case {
    Kind kind;
    std::string device;
};

std::vector<Case> cases() {
    std::vector<Case> list;
    for (const auto& kind : kinds()) {
        for (const auto* device : {"GPU", "HETERO:GPU,CPU"}) list.push_back({kind, device});
    }
    return list;
}

std::string name_of(const ::testing::TestParamInfo<Case>& info) {
    return info.param.kind.name + (info.param.device == "GPU" ? "" : "_hetero");
}

class GpuModels : public GpuTest, public ::testing::WithParamInterface<Case> {};

TEST_P(GpuModels, AreLoadedByPathAndFromMemory) {
    const auto& [kind, device] = GetParam();
    const std::shared_ptr<const ov::Model> graph = kind.make();
    const auto model = save(kind.make(), "m");
    const auto answers = fresh(graph, device);
    expect(model, Outcome::compiled, answers, device);
    for (int i = 0; i < 2; ++i) {
        auto loaded = expect(model, Outcome::loaded, answers, device);
        EXPECT_TRUE(loaded.model.get_property(ov::loaded_from_cache));
    }
    if (device == "GPU") {
        expect(graph, Outcome::compiled, answers);
        expect(std::shared_ptr<const ov::Model>(kind.make()), Outcome::loaded, answers);
    }
    EXPECT_TRUE(store().verify().findings.empty());
}

INSTANTIATE_TEST_SUITE_P(Kinds, GpuModels, ::testing::ValuesIn(cases()), name_of);

class GpuStale : public GpuTest {
protected:
    void SetUp() override {
        GpuTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        static const std::string k_answers = fresh(model_);
        answers_ = k_answers;
        expect(model_, Outcome::compiled, answers_);
        // Old enough that its fingerprint is remembered.
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        expect(model_, Outcome::loaded, answers_);
    }
    void expect_another() {
        const auto answers = fresh(model_);
        EXPECT_NE(answers, answers_);
        expect(model_, Outcome::compiled, answers);
    }

    fs::path model_ = save(dense_model({.seed = 1}), "m");
    std::string answers_;
};

TEST_F(GpuStale, ChangedWeightsAreCompiled) {
    const auto weights = fs::path(model_).replace_extension(".bin");
    fs::copy(weights, root_ / "weights");
    save(dense_model({.seed = 2}), "other");
    fs::copy(root_ / "other.bin", weights, fs::copy_options::overwrite_existing);
    expect_another();
    fs::copy(root_ / "weights", weights, fs::copy_options::overwrite_existing);
    expect(model_, Outcome::loaded, answers_);
}

TEST_F(GpuStale, OneByteWithItsTimePutBackIsCompiled) {
    const auto weights = fs::path(model_).replace_extension(".bin");
    change_byte_unseen(weights, fs::file_size(weights) / 2 + 3);
    expect_another();
}

TEST_F(GpuStale, AReplacedFileIsCompiled) {
    save(dense_model({.seed = 3}), "other");
    for (const auto* end : {".xml", ".bin"}) {
        fs::rename(root_ / (std::string("other") + end), fs::path(model_).replace_extension(end));
    }
    expect_another();
}

TEST_F(GpuStale, ChangedTopologyIsCompiled) {
    save(dense_model({.layers = 4}), "m");
    expect_another();
}

TEST_F(GpuStale, AnotherPropertyIsCompiled) {
    const ov::AnyMap exact{ov::hint::inference_precision(ov::element::f32)};
    const auto answers = fresh(model_, "GPU", exact);
    EXPECT_NE(answers, answers_);
    expect(model_, Outcome::compiled, answers, "GPU", exact);
    expect(model_, Outcome::loaded, answers, "GPU", exact);
    expect(model_, Outcome::loaded, answers_);
}

TEST_F(GpuStale, MovedItIsLoaded) {
    fs::create_directories(root_ / "elsewhere");
    for (const auto* end : {".xml", ".bin"}) {
        fs::rename(fs::path(model_).replace_extension(end),
                   root_ / "elsewhere" / (std::string("other") + end));
    }
    model_ = root_ / "elsewhere" / "other.xml";
    expect(model_, Outcome::loaded, answers_);
}

TEST_F(GpuTest, AGraphThatWasChangedIsAnother) {
    const auto model = dense_model();
    expect(std::shared_ptr<const ov::Model>(model), Outcome::compiled, fresh(model));
    model->reshape(ov::PartialShape{2, 64});
    expect(std::shared_ptr<const ov::Model>(model), Outcome::compiled, fresh(model));
}

TEST_F(GpuTest, AModelIsFoundBothWays) {
    // A model that was compiled by path is also found as the graph of `read_model`, and vice versa.
    const auto both = save(layers_model({.width = 512}), "both");
    const auto answers = fresh(both);
    expect(both, Outcome::compiled, answers);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    for (int i = 0; i < 2; ++i) expect(both, Outcome::loaded, answers);
    const auto read = [&] {
        return std::shared_ptr<const ov::Model>(core_.read_model(both.string()));
    };
    // The first hashes its weights.
    expect(read(), Outcome::loaded, answers);
    expect(read(), Outcome::loaded, answers);
    EXPECT_EQ(objects().size(), 1U);
}

}  // namespace
}  // namespace larder::testing
