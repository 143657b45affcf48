// exchange/lease_turn.h: which requests a machine makes, and when.
#include "exchange/lease_turn.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "remote/directory_tier.h"
#include "support/fake_clock.h"
#include "support/temporary_directory.h"

namespace larder::internal::exchange {
namespace {

using Kind = LeaseStep::Kind;

class LeaseTurnTest : public ::testing::Test {
protected:
    LeaseTurnTest() { clock_.set_wall(real_.system().clock.wall()); }
    [[nodiscard]] Lease lease(const std::string& holder) { return {key_, holder, clock_}; }
    [[nodiscard]] LeaseTurn turn(const std::string& holder) { return {lease(holder), system_}; }
    // The kinds of so many steps, with all pauses made.
    std::vector<Kind> steps(LeaseTurn& turn, int count) {
        std::vector<Kind> kinds;
        for (int i = 0; i < count; ++i) {
            const auto step = turn.next(tier_);
            EXPECT_TRUE(step);
            if (!step) break;
            kinds.push_back(step->kind);
            EXPECT_EQ(step->kind == Kind::pause, step->pause.count() > 0);
            clock_.advance(step->pause);
        }
        return kinds;
    }

    os::RealSystem real_;
    support::FakeClock clock_;
    os::System system_{real_.system().fs, clock_, real_.system().entropy, real_.system().process};
    support::TemporaryDirectory directory_;
    remote::DirectoryTier tier_{real_.system(), directory_ / "shared"};
    const format::Key key_ = format::key_of({{"model", "a"}});
};

TEST_F(LeaseTurnTest, TheFirstMachineCompilesAtOnce) {
    auto first = turn("one");
    EXPECT_EQ(steps(first, 1), std::vector{Kind::compile});
}

TEST_F(LeaseTurnTest, AWaitingMachineLooksForTheEntrySeldom) {
    auto first = turn("one");
    EXPECT_EQ(steps(first, 1), std::vector{Kind::compile});
    auto second = turn("two");
    const auto made = steps(second, 20);
    EXPECT_EQ(std::ranges::count(made, Kind::look_for_entry), 4);
    EXPECT_EQ(std::ranges::count(made, Kind::pause), 16);
}

TEST_F(LeaseTurnTest, AfterALeaseIsGoneTheEntryIsLookedForBeforeALeaseIsTaken) {
    auto holder = lease("one");
    ASSERT_EQ(holder.take(tier_), LeaseState::ours);
    auto second = turn("two");
    EXPECT_EQ(steps(second, 2), (std::vector{Kind::pause, Kind::pause}));
    holder.release(tier_);
    EXPECT_EQ(steps(second, 2), (std::vector{Kind::look_for_entry, Kind::compile}));
}

TEST_F(LeaseTurnTest, AMachineThatComesLatePausesAsTheOthersDo) {
    auto holder = lease("one");
    ASSERT_EQ(holder.take(tier_), LeaseState::ours);
    auto second = turn("two");
    EXPECT_LT(second.next(tier_)->pause, std::chrono::seconds(1));
    for (int i = 0; i < 4; ++i) ASSERT_EQ(holder.renew(tier_), LeaseState::ours);
    auto third = turn("three");
    EXPECT_GE(third.next(tier_)->pause, 4 * k_renew_period / 12);
}

TEST_F(LeaseTurnTest, AMachineThatOnlyWaitsWritesNothing) {
    auto first = turn("one");
    EXPECT_EQ(steps(first, 1), std::vector{Kind::compile});
    const auto files = [&] {
        using Iterator = std::filesystem::recursive_directory_iterator;
        return std::distance(Iterator(directory_ / "shared"), Iterator());
    };
    const auto before = files();
    auto second = turn("two");
    static_cast<void>(steps(second, 10));
    EXPECT_EQ(files(), before);
}

TEST_F(LeaseTurnTest, AStorageThatMustNotBeWrittenIsAnError) {
    std::filesystem::create_directories(directory_ / "shared/photos");
    EXPECT_FALSE(turn("one").next(tier_));
}

}  // namespace
}  // namespace larder::internal::exchange
