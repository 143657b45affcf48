// Several processes, several GPUs, and all kinds of obstacles: each process gets its model.
#include <csignal>
#include <thread>

#include <openvino/openvino.hpp>
#include <unistd.h>

#include "gpu_harness.h"
#include "small_models/small_models.h"
#include "support/mount.h"
#include "support/unable.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace {

using internal::support::Mount;

class GpuProcesses : public GpuTest {
protected:
    void SetUp() override {
        GpuTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        static const std::string k_plain = plain();
        plain_ = k_plain;
    }
    [[nodiscard]] std::string plain(std::map<std::string, std::string> environment = {},
                                    const std::string& device = "GPU") const {
        return ask_without({.model = model_,
                            .device = device,
                            .properties = {},
                            .environment = std::move(environment)})
            .outputs;
    }

    fs::path model_ = save(dense_model(), "m");
    std::string plain_;  // its answers without larder
};

TEST_F(GpuProcesses, TogetherCompileOnce) {
    std::vector<Asker> askers;
    askers.reserve(6);
    const Question question{.model = model_, .device = "GPU"};
    for (int i = 0; i < 6; ++i) askers.emplace_back(directory_, state_, question);
    for (auto& asker : askers) asker.go();
    int compiled = 0;
    for (auto& asker : askers) {
        const auto answer = asker.answer();
        EXPECT_EQ(answer.outputs, plain_);
        EXPECT_NE(answer.outcome, "bypassed") << answer.reason;
        compiled += answer.outcome == "compiled" ? 1 : 0;
    }
    EXPECT_EQ(compiled, 1);
    EXPECT_EQ(objects().size(), 1U);
    EXPECT_TRUE(files_in("tmp").empty());
}

TEST_F(GpuProcesses, AnotherTakesOverWhenTheCompilerIsKilled) {
    const Question question{.model = model_, .device = "GPU"};
    Asker first(directory_, state_, question);
    first.go();
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (files_in("locks").empty() && std::chrono::steady_clock::now() < limit) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ASSERT_FALSE(files_in("locks").empty());
    Asker second(directory_, state_, question);
    second.go();
    ::kill(first.pid(), SIGKILL);
    (void)first.answer();
    EXPECT_EQ(second.answer().outputs, plain_);
    expect_process(model_, "loaded", plain_);
    EXPECT_TRUE(files_in("tmp").empty());
}

TEST_F(GpuProcesses, ABlobThatTakesTheProcessDownIsSetAside) {
    expect_process(model_, "compiled", plain_);
    EXPECT_EQ(ask_gpu(model_, {{"ASK_CRASH", "1"}}).signal, SIGSEGV);
    expect_process(model_, "compiled", plain_);
    EXPECT_FALSE(files_in("quarantine").empty());
    expect_process(model_, "loaded", plain_);
}

TEST_F(GpuProcesses, ADriverThatCrashesOverABlobMeetsItOnce) {
    if (!is_on_rig()) GTEST_SKIP() << "a driver that crashes is the rig's alone";
    const std::map<std::string, std::string> broken{{"LARDER_FAKE_GPU_CRASH", "1"}};
    expect_process(model_, "compiled", plain_);
    EXPECT_EQ(ask_gpu(model_, broken).signal, SIGSEGV) << "while it is imported";
    expect_process(model_, "compiled", plain_, broken);
    EXPECT_FALSE(files_in("quarantine").empty());
    expect_process(model_, "loaded", plain_);
}

TEST_F(GpuProcesses, AReadOnlyLarderLoadsWhatItHoldsAndCompilesTheRest) {
    expect_process(model_, "compiled", plain_);
    const auto other = save(dense_model({.seed = 2}), "other");
    const auto mount = Mount::read_only(directory_);
    if (!mount) LARDER_UNABLE() << "mounting needs root";
    expect_process(model_, "loaded", plain_);
    EXPECT_EQ(ask_gpu(other).outcome, "bypassed");
}

TEST_F(GpuProcesses, AFullDiskCompiles) {
    fs::create_directories(directory_);
    const auto mount = Mount::memory(directory_, std::uint64_t{64} << 10);
    if (!mount) LARDER_UNABLE() << "mounting needs root";
    expect_process(model_, "bypassed", plain_);
    expect_process(model_, "bypassed", plain_, {{"ASK_LIMIT", "off"}});
    EXPECT_TRUE(objects().empty());
    EXPECT_TRUE(files_in("tmp").empty());
}

TEST_F(GpuTest, AModelGoesOnWorkingWhenItsLarderIsRemoved) {
    const auto model = save(dense_model(), "m");
    const auto answers = fresh(model);
    expect(model, Outcome::compiled, answers);
    auto loaded = expect(model, Outcome::loaded, answers);
    fs::remove_all(directory_);
    EXPECT_EQ(answers_of(loaded.model), answers);
    expect(model, Outcome::compiled, answers);
}

TEST_F(GpuProcesses, WhatOpenVinoThrowsIsThrown) {
    for (const Question& question :
         {Question{.model = model_, .device = "GPU.7"},
          Question{.model = model_, .device = "GPU", .properties = {"NO_SUCH_PROPERTY=1"}},
          Question{.model = root_ / "missing.xml", .device = "GPU"}}) {
        const auto answer = ask(question);
        const auto last_line = [](const std::string& text) {
            return text.substr(text.rfind('\n') + 1);
        };
        EXPECT_EQ(answer.outcome, "threw");
        // Its first lines name the overload that was called.
        EXPECT_EQ(last_line(answer.reason), last_line(ask_without(question).reason));
    }
}

class GpuMachines : public GpuProcesses {
protected:
    void SetUp() override {
        GpuProcesses::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        if (!is_on_rig()) GTEST_SKIP() << "another machine is the rig's alone";
    }
};

TEST_F(GpuMachines, ADriverThatIsUpdatedAndPutBackFindsItsOwn) {
    const std::map<std::string, std::string> before{{"LARDER_FAKE_GPU_DRIVER", "26.30.1"}};
    const std::map<std::string, std::string> after{{"LARDER_FAKE_GPU_DRIVER", "26.40.2"}};
    expect_process(model_, "compiled", plain_, before);
    expect_process(model_, "compiled", plain_, after);
    for (int i = 0; i < 2; ++i) {
        expect_process(model_, "loaded", plain_, before);
        expect_process(model_, "loaded", plain_, after);
    }
    EXPECT_EQ(store().entries().size(), 2U);
}

TEST_F(GpuMachines, GpusWithAndWithoutMemoryOfTheirOwnAreTwo) {
    const std::map<std::string, std::string> discrete{{"LARDER_FAKE_GPU_DISCRETE", "1"}};
    expect_process(model_, "compiled", plain_);
    const auto other = plain(discrete);
    expect_process(model_, "compiled", other, discrete);
    expect_process(model_, "loaded", plain_);
    expect_process(model_, "loaded", other, discrete);
}

TEST_F(GpuMachines, TwoOfOneMakeShareWhatIsKeptAndOneThatIsGoneIsAnError) {
    const std::map<std::string, std::string> two{{"LARDER_FAKE_GPUS", "2"}};
    const auto on = [&](const std::string& device, std::map<std::string, std::string> how) {
        return ask({.model = model_, .device = device, .environment = std::move(how)});
    };
    const auto compiled = on("GPU.0", two);
    EXPECT_EQ(compiled.outcome, "compiled");
    EXPECT_EQ(compiled.outputs, plain_);
    for (const auto* device : {"GPU.0", "GPU.1"}) {
        const auto loaded = on(device, two);
        EXPECT_EQ(loaded.outcome, "loaded") << device << loaded.reason;
        EXPECT_EQ(loaded.outputs, plain_) << device;
    }
    EXPECT_EQ(store().entries().size(), 1U);
    const auto gone = on("GPU.1", {});
    EXPECT_EQ(gone.outcome, "threw");
    EXPECT_EQ(gone.reason, ask_without({.model = model_, .device = "GPU.1"}).reason);
    const auto left = on("GPU.0", {});
    EXPECT_EQ(left.outcome, "loaded") << left.reason;
    EXPECT_EQ(left.outputs, plain_);
    EXPECT_EQ(on("GPU.1", two).outcome, "loaded");
}

}  // namespace
}  // namespace larder::testing
