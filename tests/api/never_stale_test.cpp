// Every change that affects the result of a compile leads to a fresh compile; every other change
// leads to a hit.
#include <thread>

#include <sys/mount.h>
#include <unistd.h>

#include "harness.h"
#include "small_models/small_models.h"
#include "support/unable.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace {

class NeverStale : public LarderTest {
protected:
    // Asks, and expects a compile with the same outputs as without larder.
    void expect_compiled(const Question& question, const std::string& what) const {
        const auto answer = ask(question);
        EXPECT_EQ(answer.outcome, "compiled") << what << ": " << answer.reason;
        EXPECT_EQ(answer.outputs, ask_without(question).outputs) << what;
    }
    void expect_loaded(const Question& question, const std::string& what) const {
        const auto answer = ask(question);
        EXPECT_EQ(answer.outcome, "loaded") << what << ": " << answer.reason;
        EXPECT_EQ(answer.outputs, ask_without(question).outputs) << what;
    }
};

TEST_F(NeverStale, ChangedWeightsAreCompiled) {
    const auto model = save(dense_model({.seed = 1}), "m");
    expect_compiled({.model = model}, "first");
    expect_loaded({.model = model}, "again");
    const auto before = ask({.model = model}).outputs;
    const auto copies = root_ / "copies";
    fs::create_directories(copies);
    const auto weights = fs::path(model).replace_extension(".bin");
    fs::copy(model, copies / "m.xml");
    fs::copy(weights, copies / "m.bin");
    save(dense_model({.seed = 2}), "m");
    expect_compiled({.model = model}, "other weights");
    EXPECT_NE(ask({.model = model}).outputs, before);
    fs::copy(copies / "m.xml", model, fs::copy_options::overwrite_existing);
    fs::copy(copies / "m.bin", weights, fs::copy_options::overwrite_existing);
    expect_loaded({.model = model}, "the first weights again");
}

TEST_F(NeverStale, ChangedTopologyIsCompiled) {
    const auto model = save(dense_model(), "m");
    expect_compiled({.model = model}, "first");
    save(dense_model({.layers = 4}), "m");
    expect_compiled({.model = model}, "one layer more");
}

TEST_F(NeverStale, OneByteOfAWeightWithSizeAndTimePutBackIsCompiled) {
    const auto model = save(dense_model(), "m");
    expect_compiled({.model = model}, "first");
    // Old enough that its fingerprint is remembered.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    expect_loaded({.model = model}, "again");
    expect_loaded({.model = model}, "from memory");
    const auto weights = fs::path(model).replace_extension(".bin");
    change_byte_unseen(weights, fs::file_size(weights) / 2 + 3);
    expect_compiled({.model = model}, "one byte");
}

TEST_F(NeverStale, AnotherShapeIsCompiled) {
    auto reshaped = attention_model();
    const auto model = save(reshaped, "m");
    expect_compiled({.model = model}, "first");
    reshaped->reshape(ov::PartialShape{1, 8, 64});
    save(reshaped, "m");
    expect_compiled({.model = model}, "reshaped");
}

TEST_F(NeverStale, APropertyThatDecidesTheBlobIsCompiledAndOneThatDoesNotIsLoaded) {
    const auto model = save(dense_model(), "m");
    expect_compiled({.model = model}, "first");
    expect_compiled({.model = model, .properties = {"EXECUTION_MODE_HINT=ACCURACY"}}, "accuracy");
    expect_compiled({.model = model, .properties = {"INFERENCE_PRECISION_HINT=f16"}}, "precision");
    // The default differs between processors with and without bf16.
    ov::Core core;
    const auto precision = core.get_property("CPU", ov::hint::inference_precision).to_string();
    expect_loaded({.model = model, .properties = {"INFERENCE_PRECISION_HINT=" + precision}},
                  "the default");
    expect_loaded({.model = model, .properties = {"PERFORMANCE_HINT=THROUGHPUT"}}, "run time");
    expect_loaded({.model = model, .properties = {"NUM_STREAMS=2"}}, "run time");
}

TEST_F(NeverStale, TouchedRenamedMovedAndCopiedModelsAreLoaded) {
    const auto model = save(dense_model(), "m");
    const auto weights = fs::path(model).replace_extension(".bin");
    expect_compiled({.model = model}, "first");
    fs::last_write_time(model, fs::file_time_type::clock::now());
    fs::last_write_time(weights, fs::file_time_type::clock::now());
    expect_loaded({.model = model}, "touched");
    fs::create_directories(root_ / "else");
    fs::copy(model, root_ / "else/copy.xml");
    fs::copy(weights, root_ / "else/copy.bin");
    expect_loaded({.model = root_ / "else/copy.xml"}, "copied");
    fs::rename(model, root_ / "else/renamed.xml");
    fs::rename(weights, root_ / "else/renamed.bin");
    expect_loaded({.model = root_ / "else/renamed.xml"}, "moved");
    fs::create_symlink(root_ / "else/renamed.xml", root_ / "link.xml");
    fs::create_symlink(root_ / "else/renamed.bin", root_ / "link.bin");
    expect_loaded({.model = root_ / "link.xml"}, "through a link");
}

TEST_F(NeverStale, AModelMountedReadOnlyElsewhereIsLoaded) {
    if (::geteuid() != 0) LARDER_UNABLE() << "mounting needs root";
    fs::create_directories(root_ / "models");
    fs::create_directories(root_ / "mounted");
    const auto model = save(dense_model(), "models/m");
    expect_compiled({.model = model}, "first");
    const auto target = (root_ / "mounted").string();
    ASSERT_EQ(::mount((root_ / "models").c_str(), target.c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(::mount(nullptr, target.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr),
              0);
    expect_loaded({.model = root_ / "mounted/m.xml"}, "mounted");
    ::umount(target.c_str());
}

TEST_F(NeverStale, AModelInMemoryIsKnownByItsContent) {
    const auto model = save(dense_model(), "m");
    const Question question{.model = model, .environment = {{"ASK_MEMORY", "1"}}};
    expect_compiled(question, "first");
    expect_loaded(question, "again");
    save(dense_model({.seed = 2}), "m");
    expect_compiled(question, "other weights");
}

TEST_F(NeverStale, WeightlessBlobsHoldOnlyWithTheirWeights) {
    const auto model = save(dense_model({.width = 128}), "m");
    const Question question{.model = model, .properties = {"CACHE_MODE=OPTIMIZE_SIZE"}};
    const auto weights = fs::path(model).replace_extension(".bin");
    expect_compiled(question, "first");
    ASSERT_EQ(files_in("objects").size(), 1U);
    EXPECT_LT(fs::file_size(files_in("objects").front()), fs::file_size(weights) / 4);
    expect_loaded(question, "again");
    // CACHE_MODE decides how the runtime stores blobs, and does not affect a result.
    expect_loaded({.model = model}, "without asking for it");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    expect_loaded(question, "remembered");
    change_byte_unseen(weights, fs::file_size(weights) / 2 + 3);
    expect_compiled(question, "other weights");
}

TEST_F(NeverStale, CacheSettingsMakeNoSecondCacheUnderneath) {
    const auto model = save(dense_model(), "m");
    const auto second = root_ / "second";
    const Question question{.model = model, .properties = {"CACHE_DIR=" + second.string()}};
    EXPECT_EQ(ask(question).outcome, "compiled");
    EXPECT_EQ(ask(question).outcome, "loaded");
    EXPECT_FALSE(fs::exists(second) && !fs::is_empty(second));
    expect_loaded({.model = model}, "without it");
}

class VirtualDevice : public NeverStale, public ::testing::WithParamInterface<std::string> {
protected:
    static Question ask_for(const fs::path& model) {
        Question question{.model = model, .device = GetParam()};
        // Otherwise every inference waits a second for a batch to fill.
        if (GetParam().starts_with("BATCH")) question.properties = {"AUTO_BATCH_TIMEOUT=1"};
        return question;
    }
};

TEST_P(VirtualDevice, IsAHitTooAndNeverStale) {
    const auto model = save(convolution_model(1), "m");
    const auto question = ask_for(model);
    expect_compiled(question, "first");
    expect_loaded(question, "again");
    fs::last_write_time(model, fs::file_time_type::clock::now() + std::chrono::seconds(5));
    expect_loaded(question, "touched");
    fs::create_directories(root_ / "else");
    fs::copy(model, root_ / "else/m.xml");
    fs::copy(fs::path(model).replace_extension(".bin"), root_ / "else/m.bin");
    expect_loaded(ask_for(root_ / "else/m.xml"), "copied");
    save(convolution_model(2), "m");
    expect_compiled(question, "other weights");
}

TEST_P(VirtualDevice, ADamagedFileIsNeverUsed) {
    const auto model = save(convolution_model(1), "m");
    const auto question = ask_for(model);
    expect_compiled(question, "first");
    for (const auto& object : files_in("objects")) {
        change_byte_unseen(object, fs::file_size(object) / 2);
    }
    expect_compiled(question, "damaged");
    EXPECT_FALSE(files_in("quarantine").empty());
    expect_loaded(question, "again");
}

INSTANTIATE_TEST_SUITE_P(Devices, VirtualDevice,
                         ::testing::Values("AUTO", "AUTO:CPU", "MULTI:CPU", "BATCH:CPU(2)",
                                           "HETERO:CPU"),
                         [](const auto& test) {
                             auto name = test.param;
                             for (auto& c : name) c = std::isalnum(c) != 0 ? c : '_';
                             return name;
                         });

}  // namespace
}  // namespace larder::testing
