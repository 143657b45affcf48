// What is kept behind the program, on a fake runtime: whatever happens meanwhile, the program has
// its model, and the larder has all of it or nothing.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/attempt.h"
#include "support/fake_runtime.h"
#include "support/fault_file_system.h"
#include "support/temporary_directory.h"

namespace larder::internal::cache {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Waited for by another thread; never for so long in a run that succeeds.
constexpr auto k_patience = 120s;

class Gate {
public:
    void open() {
        const std::lock_guard lock(mutex_);
        is_open_ = true;
        changed_.notify_all();
    }
    bool wait() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, k_patience, [&] { return is_open_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_open_ = false;
};

class BehindTest : public ::testing::Test {
protected:
    BehindTest() {
        config_.directory = root_ / "larder";
        config_.state_directory = root_ / "state";
        config_.publish = Publish::behind;
        config_.exchange = Exchange::automatic;
        device_.comes_apart = true;
    }

    Response ask(Session& session, const std::string& model = "x") {
        support::FakeRequest request(device_, model);
        ModelReference reference;
        reference.origin = ModelOrigin::memory;
        reference.name = model;
        const auto response = Attempt(session, request, reference).run();
        EXPECT_TRUE(response.has_value());
        EXPECT_EQ(request.result(), "compiled " + model);
        return response ? *response : Response{};
    }
    // As a later process would.
    Outcome ask_later(const std::string& model = "x") {
        Session session(system_.system(), log_, config_);
        return ask(session, model).outcome;
    }
    std::size_t files_in(const char* folder) const {
        std::size_t files = 0;
        const fs::path path = config_.directory + "/" + folder;
        if (!fs::exists(path)) return 0;
        for (const auto& entry : fs::recursive_directory_iterator(path)) {
            files += entry.is_regular_file() ? 1U : 0U;
        }
        return files;
    }

    support::TemporaryDirectory root_;
    os::RealSystem system_;
    std::mutex mutex_of_warnings_;
    std::vector<std::string> warnings_;
    Log log_{LogLevel::warn, [this](LogLevel, std::string_view text) {
                 const std::lock_guard lock(mutex_of_warnings_);
                 warnings_.emplace_back(text);
             }};
    Config config_;
    support::FakeDevice device_;
};

TEST_F(BehindTest, AModelIsHandedOutBeforeItIsExported) {
    Gate gate;
    device_.on_export = [&] { EXPECT_TRUE(gate.wait()); };
    {
        Session session(system_.system(), log_, config_);
        const auto response = ask(session);
        EXPECT_EQ(response.outcome, Outcome::compiled);
        EXPECT_TRUE(response.is_being_kept);
        EXPECT_FALSE(response.object.has_value());
        EXPECT_EQ(files_in("objects"), 0U);
        gate.open();
        session.wait_for_kept();
        EXPECT_EQ(files_in("objects"), 1U);
    }
    EXPECT_EQ(ask_later(), Outcome::loaded);
    EXPECT_EQ(device_.compiles_done, 1);
    EXPECT_TRUE(warnings_.empty());
}

TEST_F(BehindTest, AProgramThatEndsAtOnceLeavesItsEntry) {
    device_.compile_time = 60s;
    EXPECT_EQ(ask_later(), Outcome::compiled);
    EXPECT_EQ(ask_later(), Outcome::loaded);
}

TEST_F(BehindTest, WhoAsksAgainMeanwhileWaitsAndLoads) {
    Gate gate;
    device_.on_export = [&] { EXPECT_TRUE(gate.wait()); };
    Session session(system_.system(), log_, config_);
    EXPECT_EQ(ask(session).outcome, Outcome::compiled);
    auto again = std::async(std::launch::async, [&] { return ask(session).outcome; });
    // It has no way to its model but through what is being kept.
    EXPECT_EQ(again.wait_for(50ms), std::future_status::timeout);
    gate.open();
    EXPECT_EQ(again.get(), Outcome::waited);
    EXPECT_EQ(device_.compiles_done, 1);
}

TEST_F(BehindTest, SeveralModelsAreKeptOneAfterTheOther) {
    std::atomic<int> at_once{0};
    device_.on_export = [&] {
        EXPECT_EQ(++at_once, 1);
        std::this_thread::yield();
        --at_once;
    };
    device_.compile_time = 60s;
    {
        Session session(system_.system(), log_, config_);
        for (int i = 0; i < 8; ++i) {
            EXPECT_EQ(ask(session, std::to_string(i)).outcome, Outcome::compiled);
        }
    }
    for (int i = 0; i < 8; ++i) EXPECT_EQ(ask_later(std::to_string(i)), Outcome::loaded);
    EXPECT_EQ(device_.exports_done, 8);
}

// What would take longer than the compile that a later start is spared.
TEST_F(BehindTest, TheEndOfASessionWaitsForNoEndlessExport) {
    device_.on_export_apart = [](runtime::BlobSink& sink) {
        const std::byte byte{1};
        while (true) {
            if (auto done = sink.write_at(0, std::span(&byte, 1)); !done) return done;
        }
    };
    EXPECT_EQ(ask_later(), Outcome::compiled);
    EXPECT_EQ(files_in("objects"), 0U);
    EXPECT_EQ(files_in("entries"), 0U);
    EXPECT_EQ(files_in("tmp"), 0U);
    ASSERT_EQ(warnings_.size(), 1U);
    EXPECT_NE(warnings_.front().find("not kept: the program ended"), std::string::npos);
    device_.on_export_apart = nullptr;
    EXPECT_EQ(ask_later(), Outcome::compiled);
    EXPECT_EQ(ask_later(), Outcome::loaded);
}

TEST_F(BehindTest, NothingIsStartedOnceTheSessionEnds) {
    device_.compile_time = 60s;
    Session session(system_.system(), log_, config_);
    static_cast<void>(ask(session));
    session.end_behind();
    EXPECT_EQ(files_in("objects"), 1U);
    // Kept by the thread that asks, as there is nobody else.
    static_cast<void>(ask(session, "y"));
    EXPECT_EQ(files_in("objects"), 2U);
}

TEST_F(BehindTest, WeightsThatAreChangedMeanwhileAreNotKeptAsTheModels) {
    std::vector<std::byte> weights(1 << 16, std::byte{1});
    device_.weights = {weights};
    device_.on_export = [&] { weights.front() = std::byte{2}; };
    {
        Session session(system_.system(), log_, config_);
        EXPECT_EQ(ask(session).outcome, Outcome::compiled);
        session.wait_for_kept();
    }
    EXPECT_EQ(files_in("objects"), 0U);
    ASSERT_EQ(warnings_.size(), 1U);
    EXPECT_NE(warnings_.front().find("changed in memory"), std::string::npos);
    // That is another model.
    device_.on_export = nullptr;
    EXPECT_EQ(ask_later(), Outcome::compiled);
    EXPECT_EQ(ask_later(), Outcome::loaded);
}

TEST_F(BehindTest, WhatTheProgramAloneKnowsIsKeptFirst) {
    Session session(system_.system(), log_, config_);
    support::FakeRequest request(device_, "x");
    ModelReference reference;
    reference.origin = ModelOrigin::caller;
    reference.fingerprint = hash_bytes({});
    const auto response = Attempt(session, request, reference).run();
    ASSERT_TRUE(response);
    EXPECT_FALSE(response->is_being_kept);
    EXPECT_EQ(files_in("objects"), 1U);
}

TEST_F(BehindTest, AFullDiskCostsTheEntryAndNoMore) {
    std::size_t lost = 0;
    for (std::uint64_t call = 0;; ++call) {
        support::FaultFileSystem faulty(system_.system().fs);
        auto system = system_.system();
        {
            Session session({faulty, system.clock, system.entropy, system.process}, log_, config_);
            device_.on_export = [&] { faulty.fail_once_after(call, ENOSPC); };
            EXPECT_EQ(ask(session).outcome, Outcome::compiled);
            session.wait_for_kept();
            EXPECT_EQ(files_in("tmp"), 0U) << call;
        }
        device_.on_export = nullptr;
        if (faulty.faults() == 0) break;
        if (ask_later() == Outcome::compiled) ++lost;
        EXPECT_EQ(ask_later(), Outcome::loaded) << call;
        fs::remove_all(config_.directory);
    }
    EXPECT_GT(lost, 3U);
    EXPECT_FALSE(warnings_.empty());
}

// Sanitizers know of no threads that are gone.
#if !defined(__SANITIZE_THREAD__)
TEST_F(BehindTest, AChildHasNoneOfItAndItsParentGoesOn) {
    Gate gate;
    device_.on_export = [&] { EXPECT_TRUE(gate.wait()); };
    {
        Session session(system_.system(), log_, config_);
        EXPECT_EQ(ask(session).outcome, Outcome::compiled);
        const auto child = ::fork();
        if (child == 0) {
            device_.on_export = nullptr;
            ::alarm(60);
            const bool compiled = ask(session, "y").outcome == Outcome::compiled;
            session.wait_for_kept();
            session.end_behind();
            ::_exit(compiled ? 0 : 1);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
        gate.open();
        session.wait_for_kept();
    }
    EXPECT_EQ(ask_later("x"), Outcome::loaded);
    EXPECT_EQ(ask_later("y"), Outcome::loaded);
}

TEST_F(BehindTest, AKilledProcessLeavesNothingTorn) {
    // At the export's begin, in its middle, and as soon as the model is handed out.
    for (const int when : {0, 1, 2}) {
        const auto child = ::fork();
        if (child == 0) {
            device_.blob_padding = std::size_t{1} << 20;
            device_.on_export_apart = [&](runtime::BlobSink& sink) -> Result<void> {
                const std::vector<std::byte> half(device_.blob_padding / 2);
                if (when == 1) static_cast<void>(sink.write_at(0, half));
                if (when < 2) ::raise(SIGKILL);
                return {};
            };
            Session session(system_.system(), log_, config_);
            static_cast<void>(ask(session));
            if (when == 2) ::raise(SIGKILL);
            session.wait_for_kept();
            ::_exit(1);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << when;
        const auto outcome = ask_later();
        EXPECT_TRUE(outcome == Outcome::compiled || when == 2) << when;
        EXPECT_EQ(files_in("tmp"), 0U) << when;
        EXPECT_EQ(ask_later(), Outcome::loaded) << when;
        fs::remove_all(config_.directory);
    }
}

// By exit(), with the session alive: nothing of larder's runs while libraries are taken down.
TEST_F(BehindTest, AProcessThatExitsWaitsForItAndNotForEver) {
    for (const bool is_endless : {false, true}) {
        const auto child = ::fork();
        if (child == 0) {
            static std::atomic<int> exporting{0};
            device_.on_export_apart = [&](runtime::BlobSink& sink) -> Result<void> {
                ++exporting;
                const std::byte byte{1};
                Result<void> done;
                while (is_endless && done) done = sink.write_at(0, std::span(&byte, 1));
                --exporting;
                return done;
            };
            device_.compile_time = is_endless ? 0s : 60s;
            // Runs after all that the main thread's end does.
            std::atexit([] { ::_exit(exporting == 0 ? 0 : 2); });
            auto* const session = new Session(system_.system(), log_, config_);
            static_cast<void>(ask(*session));
            std::exit(1);  // NOLINT(concurrency-mt-unsafe)
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFEXITED(status)) << status;
        EXPECT_EQ(WEXITSTATUS(status), 0);
        EXPECT_EQ(ask_later(), is_endless ? Outcome::compiled : Outcome::loaded);
        fs::remove_all(config_.directory);
    }
}
#endif

}  // namespace
}  // namespace larder::internal::cache
