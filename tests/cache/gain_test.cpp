// cache/attempt/gain.h: blobs that gain nothing are not stored for ever, and a busy moment does not
// decide.
#include "cache/attempt/gain.h"

#include <chrono>

#include "attempt_harness.h"
#include "cache/attempt/explain.h"
#include "cache/pages/blob_pages.h"
#include "support/fake_clock.h"

namespace larder::internal::cache {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using support::FakeRequest;

constexpr milliseconds k_compile{100};
constexpr milliseconds k_slow{120};
constexpr milliseconds k_quick{80};

class GainTest : public AttemptTest {
protected:
    GainTest() {
        clock_ = &time_;
        config_.keep = Keep::automatic;
        device_.compile_time = k_compile;
        device_.blob_padding = std::size_t{2} << 20;
        device_.on_import = [this] { time_.advance(load_); };
    }
    // The outcomes of requests with that interval, if loads take that long.
    Outcome ask_times(int times, milliseconds load, std::chrono::nanoseconds apart = minutes(1)) {
        load_ = load;
        auto last = Outcome::bypassed;
        for (int i = 0; i < times; ++i) {
            time_.advance(apart);
            last = outcome();
        }
        return last;
    }
    Explanation why() {
        Session session(system(), log_, config_);
        FakeRequest request(device_, "x");
        ModelReference reference;
        reference.origin = ModelOrigin::memory;
        reference.name = "x";
        return *explain(session, request, reference);
    }
    format::Key key() {
        Session session(system(), log_, config_);
        return *format::Key::from_hex(why().key);
    }
    std::shared_ptr<store::Store> store(Session& session) { return *session.store(); }

    support::FakeClock time_;
    milliseconds load_{0};
};

TEST_F(GainTest, FiveLoadsInARowThatTakeNoLessThanCompilingAreTheLast) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    // An equal time is no gain either.
    EXPECT_EQ(ask_times(1, k_compile), Outcome::loaded);
    EXPECT_EQ(ask_times(4, k_slow), Outcome::loaded);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(outcome(), Outcome::bypassed);
        EXPECT_NE(reason_.find("it took 100 ms or more, compiling 100 ms"), std::string::npos)
            << reason_;
    }
    EXPECT_EQ(device_.exports_done, 1);
    EXPECT_NE(why().reason.find("larder pin "), std::string::npos) << why().reason;
    Session session(system(), log_, config_);
    EXPECT_LT(store(session)->totals()->object_bytes, device_.blob_padding);
    EXPECT_TRUE(said_.empty()) << said_.front();
}

TEST_F(GainTest, ALoadThatIsQuickerBeginsTheCountAnew) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(ask_times(4, k_slow), Outcome::loaded);
        EXPECT_EQ(ask_times(1, k_quick), Outcome::loaded);
    }
}

TEST_F(GainTest, LoadsOfOneMinuteCountOnce) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    for (int i = 0; i < 4; ++i) {
        time_.advance(minutes(1));
        EXPECT_EQ(ask_times(20, k_slow, milliseconds(1)), Outcome::loaded);
    }
}

TEST_F(GainTest, LoadsWhileOthersAreServedDoNotCount) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(outcome("y"), Outcome::compiled);
    bool is_inner = false;
    device_.on_import = [&] {
        time_.advance(k_slow / 2);
        if (!is_inner) {
            is_inner = true;
            EXPECT_EQ(outcome("y"), Outcome::loaded);
            is_inner = false;
        }
        time_.advance(k_slow / 2);
    };
    EXPECT_EQ(ask_times(12, k_slow), Outcome::loaded);
    EXPECT_EQ(outcome("y"), Outcome::loaded);
}

TEST_F(GainTest, WhatSavesMemoryOrTakesNoRoomStays) {
    for (const auto size : {std::size_t{0}, std::size_t{k_releasable_blob_bytes}}) {
        device_.blob_padding = size;
        config_.mode = Mode::refresh;
        load_ = k_slow;
        EXPECT_EQ(outcome(), Outcome::compiled);
        config_.mode = Mode::on;
        EXPECT_EQ(ask_times(12, k_slow), Outcome::loaded);
    }
}

TEST_F(GainTest, StaysWhereItIsWantedAllTheSame) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    config_.keep = Keep::all;
    EXPECT_EQ(ask_times(12, k_slow), Outcome::loaded);
    config_.keep = Keep::automatic;
    config_.mode = Mode::read_only;
    EXPECT_EQ(ask_times(12, k_slow), Outcome::loaded);
    config_.mode = Mode::on;
    {
        Session session(system(), log_, config_);
        ASSERT_TRUE(store(session)->pin(key()));
    }
    EXPECT_EQ(ask_times(12, k_slow), Outcome::loaded);
}

TEST_F(GainTest, IsLetInAgainByAPinOrTheSettingOrItsRemoval) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    enum class Way { setting, removal, pin };
    for (const auto way : {Way::setting, Way::removal, Way::pin}) {
        EXPECT_EQ(ask_times(5, k_slow), Outcome::loaded);
        EXPECT_EQ(outcome(), Outcome::bypassed);
        // A program that needs the larder (cache-only) does not fail because of this.
        config_.mode = Mode::cache_only;
        EXPECT_EQ(outcome(), Outcome::bypassed);
        config_.mode = Mode::on;
        if (way == Way::setting) config_.keep = Keep::all;
        Session session(system(), log_, config_);
        if (way == Way::removal) {
            ASSERT_TRUE(store(session)->remove(std::vector{key()}));
        }
        if (way == Way::pin) {
            ASSERT_TRUE(store(session)->pin(key()));
        }
        EXPECT_FALSE(why().would_hit);
        EXPECT_EQ(outcome(), Outcome::compiled);
        EXPECT_EQ(ask_times(4, k_slow), Outcome::loaded) << "it is counted anew";
        EXPECT_TRUE(why().would_hit);
        config_.keep = Keep::automatic;
        if (way == Way::removal) {
            EXPECT_EQ(ask_times(1, k_quick), Outcome::loaded);
        }
    }
    EXPECT_EQ(ask_times(12, k_slow), Outcome::loaded);
}

}  // namespace
}  // namespace larder::internal::cache
