// A GPU has no memory left, or is lost, at any call: each request ends with the model or with
// OpenVINO's own error, and all entries stay intact.
//
// The rig's layer fails the device's calls from the n-th on, for every n.
#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <optional>

#include <dlfcn.h>

#include "gpu_harness.h"
#include "layer_faults.h"
#include "small_models/small_models.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace {

constexpr fake_gpu_faults k_no_faults{-1, -1, -1};
fake_gpu_faults no_memory_after(long allocations, long length) { return {allocations, -1, length}; }
fake_gpu_faults lost_after(long calls, long length) { return {-1, calls, length}; }

// The latest event before which a temporary fault has passed.
enum class Until { loaded, answered };

class GpuFaults : public GpuTest {
public:
    ~GpuFaults() override {
        if (fail_ != nullptr) fail_(k_no_faults);
    }

protected:
    void SetUp() override {
        GpuTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        if (!is_on_rig()) GTEST_SKIP() << "faults of a device are the rig's alone";
        auto* const layer = ::dlopen(std::getenv("OPENCL_LAYERS"), RTLD_NOW | RTLD_NOLOAD);
        ASSERT_NE(layer, nullptr) << ::dlerror();
        fail_ = reinterpret_cast<decltype(fail_)>(::dlsym(layer, "fake_gpu_fail"));
        count_ = reinterpret_cast<decltype(count_)>(::dlsym(layer, "fake_gpu_count"));
        ASSERT_TRUE(fail_ && count_);
    }

    // The model's answers, or nothing if a fault of the device was thrown. Records the outcome.
    std::string ask_with(const fake_gpu_faults& faults, const fs::path& model,
                         Until until = Until::answered) {
        outcome_ = "threw";
        std::string answers;
        // The plugin ends the process when a model of a lost device is destroyed.
        std::optional<Result> result;
        fail_(faults);
        try {
            result = Cache(options()).compile_model(core_, model, "GPU");
            outcome_ = to_string(result->outcome);
            if (until == Until::loaded) stop_failing();
            answers = answers_of(result->model);
        } catch (const ov::Exception& thrown) {
            expect_fault(thrown.what());
        }
        if (until == Until::answered || outcome_ == "threw") stop_failing();
        return answers;
    }
    void stop_failing() {
        count_(&allocations_, &calls_);
        fail_(k_no_faults);
    }
    // The plugin's own message.
    static void expect_fault(const std::string& text) {
        constexpr std::array words{"Can not allocate",        "CL_OUT_OF_RESOURCES",
                                   "CL_DEVICE_NOT_AVAILABLE", "returned -2 error code",
                                   "failed with -5 code",     "Failed to create program"};
        EXPECT_TRUE(std::ranges::any_of(words, [&](const char* word) {
            return text.find(word) != std::string::npos;
        })) << text;
    }
    bool has_failed(const fake_gpu_faults& faults) const {
        return (faults.allocations >= 0 && allocations_ > faults.allocations) ||
               (faults.calls >= 0 && calls_ > faults.calls);
    }

    // Every file of the larder that is an entry or a part of one, with its bytes.
    [[nodiscard]] std::map<fs::path, std::string> kept() const {
        std::map<fs::path, std::string> files;
        for (const auto* part : {"entries", "objects"}) {
            for (const auto& file : files_in(part)) {
                std::ifstream stream(file, std::ios::binary);
                files[file] = {std::istreambuf_iterator<char>(stream), {}};
            }
        }
        return files;
    }
    void expect_no_harm() const {
        EXPECT_TRUE(files_in("quarantine").empty());
        for (const auto& entry : store().entries()) EXPECT_EQ(entry.withheld, "") << entry.key;
    }
    [[nodiscard]] Question question(const fs::path& model) const {
        // One of this model's kernels crashes in the rig's runtime.
        return {.model = model, .device = "GPU", .properties = {"GPU_ENABLE_SDPA_OPTIMIZATION=NO"}};
    }
    Answer ask_device(const fs::path& model, std::map<std::string, std::string> environment) const {
        auto asked = question(model);
        asked.environment = std::move(environment);
        return ask(asked);
    }
    // In a process of its own, because the plugin may end it.
    Answer ask_process(const fs::path& model, long calls, const std::string& answers) const {
        auto answer = ask_device(model, {{"LARDER_FAKE_GPU_LOST_AFTER", std::to_string(calls)}});
        EXPECT_EQ(answer.signal, answer.outcome.empty() ? SIGABRT : 0);
        if (answer.outcome == "threw") expect_fault(answer.reason);
        EXPECT_TRUE(answer.outputs.empty() || answer.outputs == answers) << answer.outputs;
        expect_no_harm();
        return answer;
    }

    void (*fail_)(fake_gpu_faults) = nullptr;
    void (*count_)(long*, long*) = nullptr;
    std::string outcome_;
    long allocations_ = 0;
    long calls_ = 0;
};

struct Fault {
    std::string name;
    fake_gpu_faults (*faults)(long after, long length);
    std::function<std::shared_ptr<ov::Model>()> make;
    long step = 1;
    // This number makes an import fail, but not the compile that follows. With kernels, there are
    // two attempts.
    long length = 1;
};

class GpuFaultsEverywhere : public GpuFaults, public ::testing::WithParamInterface<Fault> {
protected:
    static constexpr long k_calls_max = 300;

    void SetUp() override {
        GpuFaults::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        model_ = save(GetParam().make(), "m");
        answers_ = fresh(model_);
    }

    fs::path model_;
    std::string answers_;
};

TEST_P(GpuFaultsEverywhere, AHitIsTheModelOrAnErrorAndStaysAHit) {
    expect(model_, Outcome::compiled, answers_);
    const auto before = kept();
    for (long n = 0;; n += GetParam().step) {
        SCOPED_TRACE(n);
        ASSERT_LT(n, k_calls_max);
        const auto faults = GetParam().faults(n, -1);
        const auto found = ask_with(faults, model_);
        EXPECT_TRUE(found.empty() || found == answers_) << found;
        EXPECT_NE(outcome_, "compiled");
        EXPECT_EQ(kept(), before);
        expect_no_harm();
        if (!has_failed(faults)) break;
        EXPECT_NE(found, answers_);
    }
    expect(model_, Outcome::loaded, answers_);
}

class GpuFaultsThatPass : public GpuFaultsEverywhere {};

TEST_P(GpuFaultsThatPass, AreNotHeldAgainstTheBlob) {
    const auto whole = directory_.string() + ".whole";
    expect(model_, Outcome::compiled, answers_);
    fs::copy(directory_, whole, fs::copy_options::recursive);
    bool compiled = false;
    for (long n = 0;; n += std::max(GetParam().step, 3L)) {
        SCOPED_TRACE(n);
        ASSERT_LT(n, k_calls_max);
        const auto faults = GetParam().faults(n, GetParam().length);
        // No process has used it before.
        fs::remove_all(directory_);
        fs::copy(whole, directory_, fs::copy_options::recursive);
        for (int i = 0; i < 3; ++i) {
            EXPECT_EQ(ask_with(faults, model_, Until::loaded), answers_);
            compiled = compiled || outcome_ == "compiled";
            expect_no_harm();
        }
        expect(model_, Outcome::loaded, answers_);
        if (!has_failed(faults)) break;
    }
    EXPECT_TRUE(compiled);
}

// A lost device stays lost.
std::vector<Fault> faults_that_pass() {
    return {{"no_memory", no_memory_after, [] { return dense_model({.width = 32}); }},
            {"no_memory_with_kernels", no_memory_after, [] { return attention_model(); }, 5, 2}};
}

std::vector<Fault> faults_of_each() {
    auto faults = faults_that_pass();
    faults.push_back({"lost", lost_after, faults.front().make});
    return faults;
}

std::string name_of_fault(const ::testing::TestParamInfo<Fault>& fault) { return fault.param.name; }

INSTANTIATE_TEST_SUITE_P(Each, GpuFaultsEverywhere, ::testing::ValuesIn(faults_of_each()),
                         name_of_fault);
INSTANTIATE_TEST_SUITE_P(Each, GpuFaultsThatPass, ::testing::ValuesIn(faults_that_pass()),
                         name_of_fault);

TEST_F(GpuFaults, AFirstStartWithoutMemoryKeepsTheModelOrNothing) {
    const auto model = save(attention_model(), "m");
    const auto answers = fresh(model);
    for (const long length : {2, -1}) {
        for (long n = 0;; n += 7) {
            SCOPED_TRACE(n);
            ASSERT_LT(n, 300);
            const auto faults = no_memory_after(n, length);
            fs::remove_all(directory_);
            const auto found = ask_with(faults, model, Until::loaded);
            EXPECT_TRUE(found.empty() || found == answers) << found;
            expect_no_harm();
            EXPECT_TRUE(outcome_ == "threw" || outcome_ == "compiled") << outcome_;
            const bool is_kept = !store().entries().empty();
            EXPECT_TRUE(is_kept || outcome_ == "threw");
            expect(model, is_kept ? Outcome::loaded : Outcome::compiled, answers);
            if (!has_failed(faults)) break;
        }
    }
}

TEST_F(GpuFaults, ALostDeviceEndsAProcessAndNoEntry) {
    const auto model = save(dense_model({.width = 32}), "m");
    const auto answers = ask_without(question(model)).outputs;
    for (const long calls : {12, 21, 33, 60}) {
        SCOPED_TRACE(calls);
        fs::remove_all(directory_);
        ask_process(model, calls, answers);
        const auto* const next = store().entries().empty() ? "compiled" : "loaded";
        EXPECT_EQ(ask_device(model, {}).outcome, next);
    }
    const auto with_kernels = save(attention_model(), "with kernels");
    const auto others = ask_without(question(with_kernels)).outputs;
    EXPECT_EQ(ask_device(with_kernels, {}).outcome, "compiled");
    const auto before = kept();
    for (const long calls : {4, 13, 24}) {
        SCOPED_TRACE(calls);
        ask_process(with_kernels, calls, others);
        EXPECT_EQ(kept(), before);
    }
    const auto found = ask_device(with_kernels, {});
    EXPECT_EQ(found.outcome, "loaded");
    EXPECT_EQ(found.outputs, others);
}

}  // namespace
}  // namespace larder::testing
