// cache/tiers/tiers.h, with a script as the program that asks the storages.
#include "cache/tiers/tiers.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/temporary_directory.h"

namespace larder::internal::cache {
namespace {

using std::chrono::seconds;

// Half a minute passes between two looks at it.
class FastClock final : public os::Clock {
public:
    std::chrono::nanoseconds wall() override { return real_.system().clock.wall(); }
    std::chrono::nanoseconds monotonic() override { return now_ += seconds(30); }
    bool sleep(std::chrono::nanoseconds /*duration*/) override { return false; }

private:
    os::RealSystem real_;
    std::chrono::nanoseconds now_{0};
};

class TiersTest : public ::testing::Test {
protected:
    // Fetches with a program that does what `script` says, with the answer as its descriptor 3.
    Tiers::Fetch fetch(const std::string& script) {
        const auto program = directory_ / "program";
        std::ofstream(program) << "#!/bin/sh\n" << script << "\n";
        std::filesystem::permissions(program, std::filesystem::perms::owner_all);
        TierConfig config;
        config.urls = {"file:///first", "file:///second"};
        config.timeout = seconds(60);  // against a hang
        config.lock_timeout = seconds(60);
        config.program = program;
        config.environment = {"PATH=/bin:/usr/bin"};
        auto system = real_.system();
        const os::System fast{system.fs, clock_, system.entropy, system.process};
        return Tiers(fast, config).fetch(state_, log_, format::key_of({{"model", "a"}}));
    }
    [[nodiscard]] std::string warnings() const {
        std::string text;
        for (const auto& warning : warnings_) text += warning + "\n";
        return text;
    }

    os::RealSystem real_;
    FastClock clock_;
    support::TemporaryDirectory directory_;
    std::vector<std::string> warnings_;
    Log log_{LogLevel::warn,
             [this](LogLevel, std::string_view message) { warnings_.emplace_back(message); }};
    state::State state_{real_.system(), log_, {}};
};

TEST_F(TiersTest, AnAnswerNamesTheStorage) {
    const auto fetched = fetch("printf 'A' >&3");  // 64 + 1
    EXPECT_EQ(fetched.url, "file:///second");
    EXPECT_EQ(warnings(), "");
}

TEST_F(TiersTest, TheReasonSaysWhyAnotherMachineIsNotWaitedFor) {
    EXPECT_EQ(fetch("printf '\\002' >&3").reason,
              "another machine has been compiling it for longer than the lock timeout");
    EXPECT_EQ(fetch("printf '\\006' >&3").reason,
              "another machine has begun to compile it, and has not been heard of since");
    EXPECT_EQ(fetch("printf '\\001' >&3").reason, "");
    EXPECT_EQ(warnings(), "");
}

TEST_F(TiersTest, AShortWaitIsNotTold) {
    EXPECT_EQ(fetch("printf '\\000' >&3; printf '@' >&3").url, "file:///first");
    EXPECT_EQ(warnings(), "");
}

TEST_F(TiersTest, AWaitOfAMinuteIsToldOnce) {
    EXPECT_EQ(fetch("for i in 1 2 3 4 5; do printf '\\000' >&3; done; printf '@' >&3").url,
              "file:///first");
    EXPECT_EQ(warnings_.size(), 1U) << warnings();
    EXPECT_NE(warnings().find("another machine compiles"), std::string::npos) << warnings();
}

}  // namespace
}  // namespace larder::internal::cache
