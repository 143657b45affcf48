// The order of eviction: worth, size, and shared objects.
#include "store/limit/selection.h"

#include <gtest/gtest.h>

#include "store/limit/worth.h"

namespace larder::internal::store {
namespace {

constexpr std::int64_t k_second = 1'000'000'000;
constexpr std::int64_t k_hour = 3600 * k_second;

std::vector<std::uint32_t> chosen(const std::vector<Candidate>& candidates,
                                  const std::vector<std::uint64_t>& objects, std::uint64_t bytes) {
    std::vector<std::uint32_t> indices;
    for (const auto& selected : select_entries(candidates, objects, bytes)) {
        indices.push_back(selected.candidate);
    }
    return indices;
}

TEST(Selection, TakesTheLeastWorthForItsBytesUntilThereIsEnough) {
    const std::vector<Candidate> candidates{{1, {0}, 10}, {1, {1}, 30}, {1, {2}, 20}};
    const std::vector<std::uint64_t> objects{9, 99, 19};
    // Worth per byte is 1, 0.3 and 1: the large one is evicted first.
    EXPECT_EQ(chosen(candidates, objects, 1), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(chosen(candidates, objects, 101), (std::vector<std::uint32_t>{1, 0}));
    EXPECT_EQ(chosen(candidates, objects, 1'000).size(), 3U);
    EXPECT_TRUE(chosen(candidates, objects, 0).empty());
}

TEST(Selection, LeavesWhatStaysAndTakesWhatWasUsedJustNowLast) {
    const std::vector<Candidate> candidates{
        {1, {0}, 1, true, false}, {1, {1}, 1, false, true}, {1, {2}, 1'000, false, false}};
    const std::vector<std::uint64_t> objects{9, 9, 9};
    EXPECT_EQ(chosen(candidates, objects, 5), (std::vector<std::uint32_t>{2}));
    EXPECT_EQ(chosen(candidates, objects, 500), (std::vector<std::uint32_t>{2, 1}));
}

TEST(Selection, FreesWhatIsSharedWithItsLastUser) {
    // Two entries without worth share an object; a valuable one has its own.
    const std::vector<Candidate> candidates{{1, {0}, 1}, {1, {0}, 1}, {1, {1}, 1'000}};
    const std::vector<std::uint64_t> objects{100, 100};
    const auto selected = select_entries(candidates, objects, 50);
    ASSERT_EQ(selected.size(), 2U);
    EXPECT_EQ(selected[0].freed_bytes + selected[1].freed_bytes, 102U);
    EXPECT_NE(selected[0].candidate, 2U);
    EXPECT_NE(selected[1].candidate, 2U);
}

TEST(Selection, TakesNothingThatFreesNothingWhileSomethingElseFrees) {
    // 0 and 1 share all their objects, and 1 stays: evicting 0 would free only its own bytes.
    const std::vector<Candidate> candidates{{1, {0}, 5}, {1, {0}, 5, true}, {1, {1}, 50}};
    const std::vector<std::uint64_t> objects{100, 100};
    EXPECT_EQ(chosen(candidates, objects, 50), (std::vector<std::uint32_t>{2}));
}

TEST(Selection, TakesVariantsBeforeTheBaseThatTheyShareWithWhatIsUsed) {
    // 0 is the base itself, 1 and 2 variants of it; 2 is used.
    const std::vector<Candidate> candidates{{1, {0}, 3}, {1, {0, 1}, 1}, {1, {0, 2}, 900}};
    const std::vector<std::uint64_t> objects{1'000, 10, 10};
    EXPECT_EQ(chosen(candidates, objects, 5), (std::vector<std::uint32_t>{1}));
    // To free more than that, all three have to be evicted.
    EXPECT_EQ(chosen(candidates, objects, 500).size(), 3U);
}

TEST(Worth, FallsWithIdlenessAndRisesWithUse) {
    const RequestHistory often{100 * k_hour, k_hour};
    const RequestHistory seldom{100 * k_hour, 50 * k_hour};
    const RequestHistory once{100 * k_hour, 0};
    const auto now = 101 * k_hour;
    EXPECT_GT(worth_of(1'000, often, now), worth_of(1'000, seldom, now));
    EXPECT_GT(worth_of(1'000, often, now), worth_of(1'000, once, now));
    EXPECT_GT(worth_of(2'000, often, now), worth_of(1'000, often, now));
    EXPECT_GT(worth_of(1'000, often, now), worth_of(1'000, often, now + 10 * k_hour));
    // Two days later, one has been unused for far longer than usual, the other has not.
    const auto later = now + 60 * k_hour;
    EXPECT_LT(worth_of(1'000, often, later), worth_of(1'000, seldom, later));
    // A clock that was set back does no harm.
    EXPECT_GT(worth_of(0, once, 0), 0);
}

TEST(Worth, LearnsTheIntervalOfRequests) {
    RequestHistory history;
    for (int i = 1; i <= 20; ++i) history = with_request(history, i * k_hour);
    EXPECT_EQ(history.last_ns, 20 * k_hour);
    EXPECT_NEAR(static_cast<double>(history.interval_ns), static_cast<double>(k_hour), 1e9);
    history = with_request(history, 19 * k_hour);
    EXPECT_EQ(history.last_ns, 20 * k_hour);
    EXPECT_GT(history.interval_ns, 0);
}

TEST(Worth, TakesMoreAtOnceTheMoreThereIs) {
    EXPECT_EQ(slack_of(1'000'000, 10), 0U);
    EXPECT_EQ(slack_of(1'000'000, 1'000), 5'000U);
    EXPECT_EQ(slack_of(1'000'000, 100'000), 50'000U);
}

}  // namespace
}  // namespace larder::internal::store
