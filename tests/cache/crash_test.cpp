// Requests whose process crashes, or is killed from outside, on a fake runtime.
#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>

#include "attempt_harness.h"
#include "support/fake_clock.h"
#include "support/process.h"

namespace larder::internal::cache {
namespace {

// Sanitizers handle crashes themselves, so that larder does not detect them.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// A signal from outside says nothing about the model.
TEST_F(AttemptTest, SignalsFromOutsideBlameNoBlob) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    for (const int signal : {SIGKILL, SIGKILL, SIGABRT, SIGABRT, SIGSEGV, SIGTERM}) {
        const auto status = in_a_child([&] {
            device_.on_import = [&] {
                ::kill(::getpid(), signal);
                ::pause();
            };
            (void)ask();
        });
        EXPECT_TRUE(WIFSIGNALED(status));
    }
    EXPECT_EQ(outcome(), Outcome::loaded) << reason_;
    EXPECT_EQ(count("quarantine"), 0U);
    EXPECT_EQ(count("trials"), 1U) << "it is proven, and nothing else is left";
}

class CrashTest : public AttemptTest {
protected:
    // A process that asks for the model and crashes while it imports.
    void crash_at_import() {
        EXPECT_TRUE(WIFSIGNALED(in_a_child([&] {
            device_.on_import = support::write_nowhere;
            (void)ask();
        })));
    }
    // A process that crashes when it begins to use its model, with any outcome.
    void crash_at_first_use() {
        EXPECT_TRUE(WIFSIGNALED(in_a_child([&] {
            Session session(system(), log_, config_);
            (void)ask(session);
            support::write_nowhere();
        })));
    }
    void withhold() {
        for (int crash = 0; crash < 2; ++crash) {
            EXPECT_EQ(outcome(), Outcome::compiled);
            crash_at_import();
        }
        EXPECT_EQ(outcome(), Outcome::compiled);
        EXPECT_EQ(outcome(), Outcome::bypassed);
    }
};

TEST_F(CrashTest, ABlobThatCrashesTheImportIsSetAside) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    crash_at_import();
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(outcome(), Outcome::loaded);
}

TEST_F(CrashTest, WhatIsWithheldIsAMissInCacheOnlyMode) {
    withhold();
    config_.mode = Mode::cache_only;
    const auto asked = ask();
    ASSERT_FALSE(asked.response.has_value());
    EXPECT_EQ(asked.response.error().code, Errc::not_found);
    EXPECT_EQ(asked.model, "");
}

TEST_F(CrashTest, WhatIsWithheldSaysUntilWhenAndIsKeptAgainThen) {
    support::FakeClock clock;
    clock.set_wall(system_.system().clock.wall());
    clock_ = &clock;
    withhold();
    EXPECT_NE(reason_.find("2 processes down (SIGSEGV); it is kept again after 20"),
              std::string::npos)
        << reason_;
    clock.advance(std::chrono::hours(23));
    EXPECT_EQ(outcome(), Outcome::bypassed);
    clock.advance(std::chrono::hours(2));
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(outcome(), Outcome::loaded);
}

TEST_F(CrashTest, AProvenBlobIsSetAsideAfterThreeCrashes) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(outcome(), Outcome::loaded);
    for (int i = 0; i < 3; ++i) crash_at_import();
    EXPECT_EQ(outcome(), Outcome::compiled);
}

// The program crashes with and without the blob.
TEST_F(CrashTest, ABlobIsInnocentWhereTheModelCrashesWithoutItToo) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    crash_at_first_use();
    crash_at_first_use();
    const auto compiles = device_.compiles_done.load();
    for (int i = 0; i < 4; ++i) crash_at_first_use();
    EXPECT_EQ(outcome(), Outcome::loaded) << reason_;
    EXPECT_EQ(outcome(), Outcome::loaded) << reason_;
    EXPECT_EQ(device_.compiles_done, compiles);
    EXPECT_LE(count("quarantine"), 1U);
}

// Detected while the blob is withheld: a compile crashes like its import.
TEST_F(CrashTest, WhatIsWithheldIsKeptAgainOnceACompileCrashedTheSameWay) {
    withhold();
    crash_at_first_use();
    EXPECT_EQ(outcome(), Outcome::compiled) << reason_;
    EXPECT_EQ(outcome(), Outcome::loaded) << reason_;
}

TEST_F(CrashTest, ACompileThatAbortsDoesNotRefuteAFault) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    crash_at_import();
    EXPECT_TRUE(WIFSIGNALED(in_a_child([&] {
        device_.on_compile = [] { std::abort(); };
        (void)ask();
    })));
    EXPECT_EQ(outcome(), Outcome::compiled);
    crash_at_import();
    EXPECT_EQ(outcome(), Outcome::compiled);
}

TEST_F(CrashTest, AnAbortAfterTheImportBlamesNoBlob) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(WIFSIGNALED(in_a_child([&] {
            Session session(system(), log_, config_);
            (void)ask(session);
            std::abort();
        })));
    }
    EXPECT_EQ(outcome(), Outcome::loaded);
}
#endif

}  // namespace
}  // namespace larder::internal::cache
