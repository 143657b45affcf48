// exchange/leases.h: of several machines one compiles; nothing but time depends on it.
#include "exchange/leases.h"

#include <gtest/gtest.h>

#include "os/system.h"
#include "remote/directory_tier.h"
#include "support/temporary_directory.h"

namespace larder::internal::exchange {
namespace {

using remote::DirectoryTier;

class LeasesTest : public ::testing::Test {
protected:
    [[nodiscard]] std::chrono::nanoseconds now() const { return real_.system().clock.wall(); }
    Result<Leased> take(const std::string& holder, std::chrono::nanoseconds later = {}) {
        return take_lease(tier_, key_, holder, now() + later);
    }
    std::size_t count() {
        std::size_t found = 0;
        static_cast<void>(tier_.list(std::string(remote::k_leases),
                                     [&](const remote::Stored& /*stored*/) { ++found; }));
        return found;
    }

    os::RealSystem real_;
    support::TemporaryDirectory directory_;
    DirectoryTier tier_{real_.system(), directory_ / "shared"};
    const format::Key key_ = format::key_of({{"model", "a"}});
};

TEST_F(LeasesTest, TheFirstMachineHasIt) {
    EXPECT_EQ(take("one"), Leased::ours);
    EXPECT_EQ(take("two"), Leased::others);
    EXPECT_EQ(take("one"), Leased::ours);  // its process has ended, and another one asks
}

TEST_F(LeasesTest, AnOldOneIsTakenOverByOneMachine) {
    EXPECT_EQ(take("one"), Leased::ours);
    EXPECT_EQ(take("two", k_lease_time), Leased::ours);
    EXPECT_EQ(count(), 2U);
    EXPECT_EQ(take("three", k_lease_time / 2), Leased::others);
    // Of a clock that is behind.
    EXPECT_EQ(take("three", -10 * k_lease_time), Leased::others);
}

TEST_F(LeasesTest, AllGoWithTheEntry) {
    EXPECT_EQ(take("one"), Leased::ours);
    EXPECT_EQ(take("two", k_lease_time), Leased::ours);
    drop_leases(tier_, key_);
    EXPECT_EQ(count(), 0U);
    EXPECT_EQ(take("three"), Leased::ours);
}

TEST_F(LeasesTest, ThoseOfYesterdayArePruned) {
    EXPECT_EQ(take("one"), Leased::ours);
    EXPECT_EQ(prune_leases(tier_, now()), 0U);
    EXPECT_EQ(prune_leases(tier_, now() + std::chrono::hours(25)), 1U);
    EXPECT_EQ(count(), 0U);
}

// As a server that does not know If-None-Match.
class TierWithoutConditions final : public remote::Tier {
public:
    TierWithoutConditions(const os::System& system, const std::string& path)
        : tier_(system, path) {}

    using Tier::write;
    Result<void> write(const std::string& name, std::uint64_t bytes, const Give& give,
                       remote::IfThere /*if_there*/) override {
        return tier_.write(name, bytes, give, remote::IfThere::replace);
    }
    Result<void> check_exists() override { return tier_.check_exists(); }
    Result<void> prepare() override { return tier_.prepare(); }
    Result<remote::Stored> find(const std::string& name) override { return tier_.find(name); }
    Result<remote::Stored> read(const std::string& name, std::uint64_t bytes_max,
                                const Take& take) override {
        return tier_.read(name, bytes_max, take);
    }
    Result<void> refresh(const std::string& name) override { return tier_.refresh(name); }
    Result<void> list(const std::string& directory,
                      const std::function<void(const remote::Stored&)>& visit) override {
        return tier_.list(directory, visit);
    }
    Result<void> remove(const std::string& name) override { return tier_.remove(name); }
    [[nodiscard]] std::string url() const override { return tier_.url(); }

private:
    DirectoryTier tier_;
};

template <typename T>
Result<bool> race(const os::System& system, const std::string& path) {
    return honours_conditions(
        [&]() -> Result<std::unique_ptr<remote::Tier>> {
            return std::make_unique<T>(system, path);
        },
        1);
}

TEST_F(LeasesTest, ARaceTellsWhetherAStorageHonoursConditions) {
    EXPECT_EQ(race<DirectoryTier>(real_.system(), directory_ / "shared"), true);
    EXPECT_EQ(race<TierWithoutConditions>(real_.system(), directory_ / "shared"), false);
    EXPECT_EQ(count(), 0U);
}

}  // namespace
}  // namespace larder::internal::exchange
