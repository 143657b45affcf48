// Each kind of model, stored and loaded in each way.
#include <functional>
#include <sstream>
#include <thread>
#include <tuple>

#include "gpu_harness.h"
#include "small_models/small_models.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace {

struct Graph {
    std::string name;
    std::function<std::shared_ptr<ov::Model>()> make;
};

std::vector<Graph> graphs() {
    return {{"dense", [] { return dense_model({.width = 32}); }},
            {"convolution", [] { return convolution_model(); }},
            {"dynamic", [] { return attention_model(); }},
            {"loop", [] { return loop_model(); }},
            {"state", [] { return stateful_model(); }}};
}

struct Setting {
    std::string name;
    ov::AnyMap properties;
};

std::vector<Setting> settings() {
    const auto turned = [](const std::string& text) {
        auto copy = text;
        for (auto& byte : copy) byte = static_cast<char>(byte ^ 0x5A);
        return copy;
    };
    return {
        {"exact", {ov::hint::inference_precision(ov::element::f32)}},
        {"streams", {ov::num_streams(2)}},
        {"profiled", {ov::enable_profiling(true)}},
        {"without_weights", {ov::cache_mode(ov::CacheMode::OPTIMIZE_SIZE)}},
        {"encrypted", {ov::cache_encryption_callbacks(ov::EncryptionCallbacks{turned, turned})}}};
}

class GpuSettings : public GpuTest,
                    public ::testing::WithParamInterface<std::tuple<Graph, Setting>> {};

TEST_P(GpuSettings, AreThoseOfACompile) {
    const auto& [graph, setting] = GetParam();
    const auto model = save(graph.make(), "m");
    const auto answers = fresh(model, "GPU", setting.properties);
    expect(model, Outcome::compiled, answers, "GPU", setting.properties);
    for (int i = 0; i < 2; ++i) expect(model, Outcome::loaded, answers, "GPU", setting.properties);
    EXPECT_TRUE(store().verify().findings.empty());
}

template <class Way>
std::string name_of_way(const ::testing::TestParamInfo<std::tuple<Graph, Way>>& way) {
    return std::get<0>(way.param).name + "_" + std::get<1>(way.param).name;
}

// Each graph with two settings, and each setting with two graphs.
std::vector<std::tuple<Graph, Setting>> pairs() {
    const auto all = settings();
    const auto kinds = graphs();
    std::vector<std::tuple<Graph, Setting>> found;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        found.emplace_back(kinds[i], all[i % all.size()]);
        found.emplace_back(kinds[i], all[(i + 2) % all.size()]);
    }
    return found;
}

INSTANTIATE_TEST_SUITE_P(Kinds, GpuSettings, ::testing::ValuesIn(pairs()), name_of_way<Setting>);

class GpuPublished : public GpuTest, public ::testing::WithParamInterface<Graph> {
protected:
    void load_read_only() {
        auto only_read = options();
        only_read.mode = Mode::read_only;
        auto loaded = Cache(only_read).compile_model(core_, model_, "GPU");
        EXPECT_EQ(loaded.outcome, Outcome::loaded) << loaded.reason;
        EXPECT_EQ(answers_of(loaded.model), answers_);
    }
    void load_and_export() {
        auto loaded = expect(model_, Outcome::loaded, answers_);
        std::stringstream blob;
        loaded.model.export_model(blob);
        auto imported = core_.import_model(blob, "GPU");
        EXPECT_EQ(answers_of(imported), answers_);
    }
    void load_in_threads() {
        std::vector<std::string> found(3);
        {
            std::vector<std::jthread> threads;
            for (auto& answers : found) {
                threads.emplace_back([&] {
                    auto loaded = Cache(options()).compile_model(core_, model_, "GPU");
                    answers =
                        to_string(loaded.outcome) + std::string(" ") + answers_of(loaded.model);
                });
            }
        }
        for (const auto& answers : found) EXPECT_EQ(answers, "loaded " + answers_);
    }
    void load_compressed() {
        // Blobs that hardly become smaller stay uncompressed.
        EXPECT_LE(store().compress({}, DryRun::no).entries.size(), 1U);
        expect(model_, Outcome::loaded, answers_);
        EXPECT_TRUE(store().verify().findings.empty());
    }
    void load_damaged(const std::string& digest) {
        const auto object = directory_ / "objects" / digest.substr(0, 2) / digest;
        change_byte_unseen(object, fs::file_size(object) / 3);
        expect(model_, Outcome::compiled, answers_);
        expect(model_, Outcome::loaded, answers_);
    }

    fs::path model_;
    std::string answers_;
};

TEST_P(GpuPublished, IsLoadedInEveryWay) {
    model_ = save(GetParam().make(), "m");
    answers_ = fresh(model_);
    const auto published = expect(model_, Outcome::compiled, answers_);
    load_read_only();
    load_and_export();
    load_in_threads();
    load_damaged(published.object_digest);
    load_compressed();
}

std::string name_of_graph(const ::testing::TestParamInfo<Graph>& graph) { return graph.param.name; }

INSTANTIATE_TEST_SUITE_P(Kinds, GpuPublished, ::testing::ValuesIn(graphs()), name_of_graph);

}  // namespace
}  // namespace larder::testing
