// exchange/leases.h: of several machines one compiles; nothing but time depends on it.
#include "exchange/leases.h"

#include <cstring>

#include <gtest/gtest.h>

#include "os/system.h"
#include "remote/directory_tier.h"
#include "support/fake_clock.h"
#include "support/temporary_directory.h"

namespace larder::internal::exchange {
namespace {

using remote::DirectoryTier;

class LeasesTest : public ::testing::Test {
protected:
    [[nodiscard]] std::chrono::nanoseconds now() const { return real_.system().clock.wall(); }
    // A machine with a clock of its own, which is right at first.
    struct Machine {
        Machine(LeasesTest& test, const std::string& name) : lease(test.key_, name, clock) {
            clock.set_wall(test.now());
        }
        support::FakeClock clock;
        Lease lease;
    };
    Result<LeaseState> take(const std::string& name) {
        Machine machine(*this, name);
        return machine.lease.take(tier_);
    }
    Result<LeaseState> look_later(Machine& machine, std::chrono::nanoseconds later) {
        machine.clock.advance(later);
        return machine.lease.look(tier_);
    }
    void write(const std::string& name, const std::string& text) {
        ASSERT_TRUE(
            tier_.write(name, text.size(), [&](std::uint64_t offset, std::span<std::byte> buffer) {
                std::memcpy(buffer.data(), text.data() + offset, buffer.size());
                return Result<void>();
            }));
    }
    [[nodiscard]] std::string name_of(unsigned generation) const {
        return remote::stored_name(remote::k_leases, key_.digest) + "." +
               std::to_string(generation);
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
    EXPECT_EQ(take("one"), LeaseState::ours);
    EXPECT_EQ(take("two"), LeaseState::alive);
    EXPECT_EQ(take("one"), LeaseState::ours);  // its process has ended, and another one asks
}

TEST_F(LeasesTest, ALookTakesNothing) {
    Machine one(*this, "one");
    EXPECT_EQ(one.lease.look(tier_), LeaseState::absent);
    EXPECT_EQ(count(), 0U);
}

TEST_F(LeasesTest, OneThatIsRenewedIsAliveHoweverLongTheCompileTakes) {
    Machine one(*this, "one");
    Machine two(*this, "two");
    EXPECT_EQ(one.lease.take(tier_), LeaseState::ours);
    for (std::chrono::nanoseconds spent{0}; spent < 10 * k_lease_time; spent += k_renew_period) {
        EXPECT_EQ(look_later(two, k_renew_period), LeaseState::alive);
        EXPECT_EQ(one.lease.renew(tier_), LeaseState::ours);
    }
    EXPECT_EQ(two.lease.take(tier_), LeaseState::alive);
    EXPECT_EQ(count(), 1U);
}

TEST_F(LeasesTest, ItsRenewalsTellAMachineThatComesLateHowOldItIs) {
    Machine one(*this, "one");
    EXPECT_EQ(one.lease.take(tier_), LeaseState::ours);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(one.lease.renew(tier_), LeaseState::ours);
    Machine two(*this, "two");
    EXPECT_EQ(two.lease.look(tier_), LeaseState::alive);
    EXPECT_EQ(two.lease.compiles_for(), 4 * k_renew_period + k_renew_period / 2);
    // A storage that lies makes nobody wait for longer.
    write(name_of(1), "one\nrenewed 18446744073709551615\n");
    EXPECT_EQ(two.lease.look(tier_), LeaseState::alive);
    EXPECT_LT(pause_before_look(two.lease.compiles_for(), ~0ULL), std::chrono::seconds(15));
}

TEST_F(LeasesTest, OneThatNobodyRenewsIsTakenOverByOneMachine) {
    EXPECT_EQ(take("one"), LeaseState::ours);
    Machine two(*this, "two");
    Machine three(*this, "three");
    EXPECT_EQ(look_later(two, {}), LeaseState::alive);
    EXPECT_EQ(look_later(three, {}), LeaseState::alive);
    EXPECT_EQ(look_later(two, k_lease_time - std::chrono::seconds(1)), LeaseState::alive);
    EXPECT_EQ(look_later(two, std::chrono::seconds(1)), LeaseState::absent);
    EXPECT_EQ(two.lease.take(tier_), LeaseState::ours);
    EXPECT_EQ(count(), 2U);
    three.clock.advance(k_lease_time);
    EXPECT_EQ(three.lease.take(tier_), LeaseState::alive);
    // One that did not see the first one die sees that it was taken over.
    EXPECT_EQ(take("four"), LeaseState::alive);
    EXPECT_EQ(count(), 2U);
}

TEST_F(LeasesTest, ClocksThatDifferFromTheStoragesDecideNothing) {
    for (const auto wrong : {std::chrono::minutes(-100), std::chrono::minutes(14)}) {
        Machine one(*this, "one");
        Machine two(*this, "two");
        EXPECT_EQ(one.lease.take(tier_), LeaseState::ours);
        two.clock.set_wall(now() + wrong);
        EXPECT_EQ(look_later(two, {}), LeaseState::alive);
        EXPECT_EQ(look_later(two, k_lease_time), LeaseState::absent);
    }
}

TEST_F(LeasesTest, OneOfAnHourAgoIsTakenAtOnce) {
    EXPECT_EQ(take("one"), LeaseState::ours);
    Machine two(*this, "two");
    two.clock.set_wall(now() + std::chrono::hours(1));
    EXPECT_EQ(two.lease.take(tier_), LeaseState::ours);
}

TEST_F(LeasesTest, AMachineThatCouldNotRenewLosesItAndLeavesTheOthers) {
    Machine one(*this, "one");
    Machine two(*this, "two");
    EXPECT_EQ(one.lease.take(tier_), LeaseState::ours);
    EXPECT_EQ(look_later(two, {}), LeaseState::alive);
    two.clock.advance(k_lease_time);
    EXPECT_EQ(two.lease.take(tier_), LeaseState::ours);
    EXPECT_EQ(one.lease.renew(tier_), LeaseState::alive);
    // Else a third machine would take the first number beside the second.
    one.lease.release(tier_);
    EXPECT_EQ(count(), 2U);
    EXPECT_EQ(take("three"), LeaseState::alive);
    EXPECT_EQ(two.lease.renew(tier_), LeaseState::ours);
}

TEST_F(LeasesTest, OneThatIsReleasedIsTakenAtOnce) {
    Machine one(*this, "one");
    Machine two(*this, "two");
    EXPECT_EQ(one.lease.take(tier_), LeaseState::ours);
    EXPECT_EQ(look_later(two, {}), LeaseState::alive);
    one.lease.release(tier_);
    EXPECT_EQ(count(), 0U);
    EXPECT_EQ(two.lease.take(tier_), LeaseState::ours);
    one.lease.release(tier_);  // not that of another machine
    EXPECT_EQ(count(), 1U);
}

TEST_F(LeasesTest, OneOfAnotherProcessOfThisMachineIsRenewedByTheNext) {
    Machine first(*this, "one");
    Machine second(*this, "one");
    Machine two(*this, "two");
    EXPECT_EQ(first.lease.take(tier_), LeaseState::ours);
    EXPECT_EQ(second.lease.take(tier_), LeaseState::ours);
    EXPECT_EQ(look_later(two, {}), LeaseState::alive);
    // The program that kept it for the first process ends it late.
    first.lease.release(tier_);
    EXPECT_EQ(second.lease.renew(tier_), LeaseState::ours);
    EXPECT_EQ(look_later(two, {}), LeaseState::alive);
    EXPECT_EQ(count(), 1U);
}

// Larders of the first versions wrote their name alone.
TEST_F(LeasesTest, ThoseOfOlderLardersCountForTwoMinutes) {
    write(name_of(1), "an older larder");
    Machine two(*this, "two");
    EXPECT_EQ(two.lease.take(tier_), LeaseState::unrenewed);
    EXPECT_EQ(look_later(two, k_unrenewed_lease_time / 2), LeaseState::unrenewed);
    // Of a clock that is behind.
    two.clock.set_wall(now() - 10 * k_unrenewed_lease_time);
    EXPECT_EQ(two.lease.take(tier_), LeaseState::unrenewed);
    two.clock.set_wall(now() + k_unrenewed_lease_time);
    EXPECT_EQ(two.lease.take(tier_), LeaseState::ours);
    EXPECT_EQ(count(), 2U);
}

TEST_F(LeasesTest, ContentsThatNobodyWroteAreLeasesOfOthers) {
    for (const auto* const text : {"", "\n", "x\nrenewed", "x\nrenewed -1", "\nrenewed 7"}) {
        write(name_of(1), text);
        const auto state = take("one");
        EXPECT_TRUE(state == LeaseState::alive || state == LeaseState::unrenewed) << text;
    }
    EXPECT_EQ(count(), 1U);
}

TEST_F(LeasesTest, MachinesEndOneAfterTheOther) {
    for (unsigned i = 1; i <= 20; ++i) {
        Machine machine(*this, std::to_string(i));
        machine.clock.set_wall(now() + std::chrono::hours(1));
        EXPECT_EQ(machine.lease.take(tier_), LeaseState::ours);
        // Without one, each machine compiles for itself.
        EXPECT_EQ(machine.lease.renew(tier_), LeaseState::ours);
    }
    EXPECT_EQ(count(), 16U);
}

TEST_F(LeasesTest, AllGoWithTheEntry) {
    EXPECT_EQ(take("one"), LeaseState::ours);
    Machine two(*this, "two");
    two.clock.set_wall(now() + std::chrono::hours(1));
    EXPECT_EQ(two.lease.take(tier_), LeaseState::ours);
    drop_leases(tier_, key_);
    EXPECT_EQ(count(), 0U);
    EXPECT_EQ(take("three"), LeaseState::ours);
}

TEST(LeasePauses, GrowWithTheCompileAndDiffer) {
    using std::chrono::milliseconds;
    using std::chrono::seconds;
    constexpr std::uint64_t k_least = 0;
    EXPECT_EQ(pause_before_look({}, k_least), milliseconds(50));
    EXPECT_EQ(pause_before_look(seconds(2), k_least), milliseconds(500));
    EXPECT_EQ(pause_before_look(seconds(36), k_least), seconds(3));
    EXPECT_EQ(pause_before_look(seconds(600), k_least), seconds(5));
    for (std::uint64_t random = 0; random < 100; ++random) {
        const auto pause = pause_before_look(seconds(36), random * 123'456'789'123);
        EXPECT_GE(pause, seconds(3));
        EXPECT_LT(pause, seconds(9));
    }
}

TEST_F(LeasesTest, ThoseOfYesterdayArePruned) {
    EXPECT_EQ(take("one"), LeaseState::ours);
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

TEST_F(LeasesTest, WithoutConditionsTheLastWriterHasIt) {
    TierWithoutConditions tier(real_.system(), directory_ / "shared");
    Machine one(*this, "one");
    Machine two(*this, "two");
    EXPECT_EQ(one.lease.take(tier), LeaseState::ours);
    write(name_of(1), "two\nrenewed 0\n");  // after a look at the same moment
    EXPECT_EQ(one.lease.renew(tier), LeaseState::alive);
    EXPECT_EQ(two.lease.take(tier), LeaseState::ours);
    one.lease.release(tier);
    EXPECT_EQ(two.lease.renew(tier), LeaseState::ours);
    EXPECT_EQ(count(), 1U);
}

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
