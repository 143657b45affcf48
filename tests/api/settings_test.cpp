// An operator's settings apply to a program that sets other options itself: the environment and the
// files supply the values that Options leave open, and LARDER_MODE=off overrides the program.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <openvino/openvino.hpp>

#include "harness.h"
#include "larder/cache_directory.hpp"
#include "larder/larder.hpp"
#include "small_models/small_models.h"

namespace larder::testing {
namespace {

using ::testing::HasSubstr;

class Variable {
public:
    Variable(const char* name, const std::string& value) : name_(name) {
        ::setenv(name, value.c_str(), 1);
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { ::unsetenv(name_); }

private:
    const char* name_;
};

class Settings : public LarderTest {
protected:
    Options options() {
        return {
            .directory = directory_,
            .state_directory = state_,
            .log_sink = [this](LogLevel, std::string_view text) { messages_.emplace_back(text); }};
    }
    Result compile(const Options& options) {
        Cache cache(options);
        return cache.compile_model(core_, model_, "CPU");
    }

    ov::Core core_;
    std::filesystem::path model_ = save(dense_model(), "m");
    std::vector<std::string> messages_;
};

TEST_F(Settings, TheEnvironmentFillsInWhatAProgramLeavesOpen) {
    const Variable mode("LARDER_MODE", "read-only");
    EXPECT_THAT(compile(options()).reason, HasSubstr("only reads"));
    auto own = options();
    own.mode = Mode::on;
    EXPECT_EQ(compile(own).outcome, Outcome::compiled);
    EXPECT_EQ(compile(options()).outcome, Outcome::loaded);
}

TEST_F(Settings, ALarderOfTheEnvironmentIsUsed) {
    const Variable directory("LARDER_DIR", directory_ / "elsewhere");
    const Variable state("LARDER_STATE_DIR", state_);
    EXPECT_EQ(compile({}).outcome, Outcome::compiled);
    EXPECT_EQ(compile({}).outcome, Outcome::loaded);
    EXPECT_EQ(Store().directory(), directory_ / "elsewhere");
    EXPECT_EQ(Store().entries().size(), 1U);
    EXPECT_EQ(Cache::from_environment().compile_model(core_, model_, "CPU").outcome,
              Outcome::loaded);
}

TEST_F(Settings, AFileOfTheLarderFillsInWhatAProgramLeavesOpen) {
    EXPECT_EQ(compile(options()).outcome, Outcome::compiled);
    std::ofstream(directory_ / "larder.toml") << "mode = \"refresh\"\n";
    EXPECT_EQ(compile(options()).outcome, Outcome::compiled);
}

TEST_F(Settings, WhatIsPrintedIsSaidAsAnOperatorWouldSayIt) {
    std::ostringstream out;
    out << Mode::read_only << ' ' << Outcome::loaded << ' ' << ErrorCode::no_space << ' '
        << StaleReason::gone << ' ' << CachedFile::Kind::blob << ' ' << CachedFile::Worth::stale;
    EXPECT_EQ(out.str(), "read-only loaded no_space gone blob stale");
    for (const auto mode :
         {Mode::on, Mode::read_only, Mode::cache_only, Mode::refresh, Mode::off}) {
        EXPECT_EQ(load_settings({{"mode", to_string(mode)}}).options.mode, mode);
    }
}

TEST_F(Settings, AVariableThatIsNearlyASettingIsNamedAndHasNoEffect) {
    const auto misspelt = std::string("LARDER_") + "MODES";
    const Variable modes(misspelt.c_str(), "off");
    EXPECT_EQ(compile(options()).outcome, Outcome::compiled);
    EXPECT_THAT(messages_,
                ::testing::ElementsAre(misspelt + " is not a setting of larder: did you mean "
                                                  "LARDER_MODE?"));
    EXPECT_EQ(load_settings().misspelt, messages_);
}

TEST_F(Settings, AnOperatorSwitchesOffWhateverAProgramSets) {
    auto own = options();
    for (const auto mode : {Mode::on, Mode::refresh, Mode::cache_only}) {
        own.mode = mode;
        const Variable off("LARDER_MODE", "off");
        EXPECT_EQ(compile(own).outcome, Outcome::bypassed);
        EXPECT_FALSE(std::filesystem::exists(directory_));
    }
    // No other file is read either.
    const Variable off("LARDER_MODE", "off");
    const Variable broken("LARDER_VERIFY", "sometimes");
    EXPECT_EQ(compile(options()).outcome, Outcome::bypassed);
    EXPECT_TRUE(messages_.empty()) << messages_.front();
}

TEST_F(Settings, ASettingThatCannotBeReadCostsAWarningAndNoModel) {
    const Variable broken("LARDER_VERIFY", "sometimes");
    for (const auto& asked : {options(), options()}) {
        messages_.clear();
        const auto result = compile(asked);
        EXPECT_EQ(result.outcome, Outcome::bypassed);
        EXPECT_THAT(result.reason, HasSubstr("LARDER_VERIFY: cannot read 'sometimes'"));
        ASSERT_EQ(messages_.size(), 1U);
        EXPECT_THAT(messages_.front(), HasSubstr("LARDER_VERIFY: cannot read 'sometimes'"));
    }
    EXPECT_FALSE(std::filesystem::exists(directory_));
    EXPECT_THROW(static_cast<void>(Cache::from_environment()), Error);
    EXPECT_THROW(static_cast<void>(Store(options())), Error);
    auto own = options();
    own.verify = Verify::once;
    EXPECT_EQ(compile(own).outcome, Outcome::compiled) << "what is not needed is not read";
}

}  // namespace
}  // namespace larder::testing
