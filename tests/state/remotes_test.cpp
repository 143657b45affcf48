// The part of state/state.h about storages that machines share.
#include <chrono>

#include <gtest/gtest.h>

#include "os/system.h"
#include "state/state.h"
#include "support/temporary_directory.h"

namespace larder::internal::state {
namespace {

constexpr auto k_url = "s3://bucket/prefix";
constexpr std::int64_t k_now_ns = 1'000'000'000'000'000'000;

std::int64_t seconds(std::int64_t count) { return count * 1'000'000'000; }

class RemotesTest : public ::testing::Test {
protected:
    RemoteUse use() { return state_.remotes()[k_url]; }
    std::int64_t rest() { return use().rests_until_ns - k_now_ns; }
    static RemoteUse hit(std::uint64_t bytes, std::uint64_t ms) {
        RemoteUse use;
        use.url = k_url;
        use.hits = 1;
        use.fetched_bytes = bytes;
        use.fetch_ms = ms;
        return use;
    }
    static RemoteUse sent(std::uint64_t bytes) {
        RemoteUse use;
        use.url = k_url;
        use.misses = 1;
        use.sent = 1;
        use.sent_bytes = bytes;
        return use;
    }
    void fail_once() { state_.note_remote_failure(k_url, "no answer", k_now_ns); }

    os::RealSystem real_;
    Log log_{LogLevel::error};
    support::TemporaryDirectory directory_;
    State state_{real_.system(), log_, directory_ / "state"};
};

TEST_F(RemotesTest, CountsAreAdded) {
    state_.note_remote(hit(1000, 20));
    state_.note_remote(sent(500));
    const auto found = use();
    EXPECT_EQ(found.hits, 1U);
    EXPECT_EQ(found.misses, 1U);
    EXPECT_EQ(found.fetched_bytes, 1000U);
    EXPECT_EQ(found.fetch_ms, 20U);
    EXPECT_EQ(found.sent, 1U);
    EXPECT_EQ(found.sent_bytes, 500U);
}

TEST_F(RemotesTest, AStorageRestsAfterThreeFailuresAndLongerEachTime) {
    fail_once();
    fail_once();
    EXPECT_EQ(use().rests_until_ns, 0);
    for (const std::int64_t rest_s : {60, 120, 240, 480, 600, 600}) {
        fail_once();
        EXPECT_EQ(rest(), seconds(rest_s));
    }
    for (int i = 0; i < 100; ++i) fail_once();
    EXPECT_EQ(rest(), seconds(600));
    EXPECT_EQ(use().fault, "no answer");
}

TEST_F(RemotesTest, AnAnswerEndsTheRest) {
    for (int i = 0; i < 5; ++i) fail_once();
    state_.note_remote(sent(1));
    EXPECT_EQ(use().rests_until_ns, 0);
    EXPECT_EQ(use().failures_in_row, 0U);
    EXPECT_EQ(use().failures, 5U);
    fail_once();
    EXPECT_EQ(use().rests_until_ns, 0);
}

TEST_F(RemotesTest, ARefusalIsNoFailure) {
    state_.note_remote_refusal(k_url, "not signed", k_now_ns);
    EXPECT_EQ(use().fault, "not signed");
    EXPECT_EQ(use().failures, 0U);
}

}  // namespace
}  // namespace larder::internal::state
