// Of any number of simultaneous requests for one model, one compiles.
#include <algorithm>
#include <barrier>
#include <chrono>
#include <thread>

#include <openvino/openvino.hpp>
#include <signal.h>

#include "harness.h"
#include "larder/larder.hpp"
#include "small_models/small_models.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace {

class Once : public LarderTest {
protected:
    // Starts `count` processes, lets them begin at the same time, and returns their output.
    std::vector<Answer> ask_together(const Question& question, std::size_t count) const {
        std::vector<Asker> askers;
        for (std::size_t i = 0; i < count; ++i) askers.emplace_back(directory_, state_, question);
        for (auto& asker : askers) asker.go();
        std::vector<Answer> answers;
        for (auto& asker : askers) answers.push_back(asker.answer());
        return answers;
    }
};

std::ptrdiff_t count(const std::vector<Answer>& answers, const std::string& outcome) {
    return std::count_if(answers.begin(), answers.end(),
                         [&](const Answer& answer) { return answer.outcome == outcome; });
}

TEST_F(Once, SixteenProcessesCompileOnce) {
    const auto model = save(dense_model({.width = 512, .layers = 12}), "m");
    const auto answers = ask_together({.model = model}, 16);
    EXPECT_EQ(count(answers, "compiled"), 1);
    EXPECT_EQ(count(answers, "waited") + count(answers, "loaded"), 15);
    for (const auto& answer : answers) EXPECT_EQ(answer.outputs, answers.front().outputs);
    EXPECT_EQ(files_in("entries").size(), 1U);
    EXPECT_EQ(
        files_in("objects").size() -
            static_cast<std::size_t>(std::ranges::count_if(
                files_in("objects"), [](const fs::path& f) { return f.extension() == ".chunks"; })),
        1U);
    EXPECT_TRUE(files_in("tmp").empty());
}

TEST_F(Once, AnotherTakesOverWhenTheCompilerIsKilled) {
    // Large enough that the test can act during its compile.
    const auto model = save(dense_model({.width = 1500, .layers = 24}), "m");
    const Question question{.model = model};
    Asker first(directory_, state_, question);
    first.go();
    // The process holds the compile lock from the beginning of its compile.
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (files_in("locks").empty() && std::chrono::steady_clock::now() < limit) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ASSERT_FALSE(files_in("locks").empty());
    std::vector<Asker> others;
    for (int i = 0; i < 4; ++i) others.emplace_back(directory_, state_, question);
    for (auto& asker : others) asker.go();
    ::kill(first.pid(), SIGKILL);
    EXPECT_EQ(first.answer().outcome, "");
    std::vector<Answer> answers;
    for (auto& asker : others) answers.push_back(asker.answer());
    EXPECT_EQ(count(answers, "compiled"), 1);
    EXPECT_EQ(count(answers, "waited") + count(answers, "loaded"), 3);
    EXPECT_EQ(ask(question).outcome, "loaded");
    EXPECT_TRUE(files_in("tmp").empty());
}

TEST_F(Once, ThreadsOfOneProcessCompileOnce) {
    const auto model = save(dense_model({.width = 512, .layers = 12}), "m");
    Cache cache({.directory = directory_, .state_directory = state_});
    ov::Core core;
    constexpr int k_threads = 8;
    std::barrier together(k_threads);
    std::vector<Outcome> outcomes(k_threads);
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < k_threads; ++i) {
            threads.emplace_back([&, i] {
                together.arrive_and_wait();
                outcomes[i] = cache.compile_model(core, model, "CPU").outcome;
            });
        }
    }
    EXPECT_EQ(std::ranges::count(outcomes, Outcome::compiled), 1);
    EXPECT_EQ(std::ranges::count(outcomes, Outcome::bypassed), 0);
}

TEST_F(Once, ACallersBuilderRunsOnAMissOnly) {
    Cache cache({.directory = directory_, .state_directory = state_});
    ov::Core core;
    int built = 0;
    const std::string identity = "dense model, first edition";
    const auto fingerprint = Fingerprint::of(std::as_bytes(std::span(identity)));
    const auto build = [&] {
        ++built;
        return dense_model();
    };
    EXPECT_EQ(cache.compile_model(core, fingerprint, build, "CPU").outcome, Outcome::compiled);
    EXPECT_EQ(cache.compile_model(core, fingerprint, build, "CPU").outcome, Outcome::loaded);
    EXPECT_EQ(built, 1);
    const std::string other = "dense model, second edition";
    const auto second = Fingerprint::of(std::as_bytes(std::span(other)));
    EXPECT_EQ(cache.compile_model(core, second, build, "CPU").outcome, Outcome::compiled);
    EXPECT_EQ(built, 2);
}

TEST_F(Once, WhatABuilderThrowsReachesTheCaller) {
    Cache cache({.directory = directory_, .state_directory = state_});
    ov::Core core;
    const std::string identity = "never built";
    const auto fingerprint = Fingerprint::of(std::as_bytes(std::span(identity)));
    const auto build = []() -> std::shared_ptr<ov::Model> { throw std::out_of_range("weights"); };
    EXPECT_THROW((void)cache.compile_model(core, fingerprint, build, "CPU"), std::out_of_range);
    // The lock was released in between.
    EXPECT_EQ(cache.compile_model(
                       core, fingerprint, [] { return dense_model(); }, "CPU")
                  .outcome,
              Outcome::compiled);
}

}  // namespace
}  // namespace larder::testing
