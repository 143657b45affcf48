// Programs that load several models in a row: only the next models are read ahead.
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "next_model_harness.h"
#include "support/c_library_allocator.h"
#include "support/process.h"

namespace larder::internal::cache {
namespace {

TEST_F(NextModelTest, TheThirdRunReadsAheadWhatTheFirstTwoAskedFor) {
    learn("abc");
    const auto session = start();
    EXPECT_EQ(ask(*session, "a").outcome, Outcome::loaded);
    EXPECT_TRUE(eventually([&] { return is_read("b") && is_read("c"); }));
    EXPECT_TRUE(is_alone());
    watcher_.forget();
    EXPECT_EQ(ask(*session, "b").outcome, Outcome::loaded);
    EXPECT_EQ(ask(*session, "c").outcome, Outcome::loaded);
    EXPECT_EQ(watcher_.read_to(path("b")), 0U) << "it was verified in this boot";
    EXPECT_EQ(said_, 0);
}

TEST_F(NextModelTest, WhatWasNotVerifiedInThisBootIsVerifiedByItsRequest) {
    learn("abc");
    reboot();
    const auto session = start();
    (void)ask(*session, "a");
    EXPECT_TRUE(eventually([&] { return is_read("b") && is_read("c"); }));
    EXPECT_TRUE(is_alone());
    watcher_.forget();
    EXPECT_EQ(ask(*session, "b").outcome, Outcome::loaded);
    EXPECT_TRUE(is_read("b"));
}

TEST_F(NextModelTest, WhatIsDamagedIsFoundByWhoeverAsksForIt) {
    learn("abc");
    reboot();
    fs::permissions(path("b"), fs::perms::owner_write, fs::perm_options::add);
    support::flip_byte(path("b"), 20);
    const auto session = start();
    (void)ask(*session, "a");
    EXPECT_TRUE(eventually([&] { return watcher_.was_opened(path("c")); }));
    EXPECT_EQ(said_, 0);
    EXPECT_EQ(ask(*session, "b").outcome, Outcome::compiled);
    EXPECT_EQ(said_, 1);
}

TEST_F(NextModelTest, WithVerifyAlwaysItIsReadAndNotTrusted) {
    config_.verify = store::Verify::always;
    learn("ab");
    const auto session = start();
    (void)ask(*session, "a");
    EXPECT_TRUE(eventually([&] { return is_read("b"); }));
    EXPECT_TRUE(is_alone());
    watcher_.forget();
    EXPECT_EQ(ask(*session, "b").outcome, Outcome::loaded);
    EXPECT_TRUE(is_read("b"));
}

TEST_F(NextModelTest, AProgramThatAsksForTheFirstAloneIsServedAsBefore) {
    learn("abc");
    for (int i = 0; i < 4; ++i) {
        const auto session = start();
        EXPECT_EQ(ask(*session, "a").outcome, Outcome::loaded);
    }
    watcher_.forget();
    const auto session = start();
    EXPECT_EQ(ask(*session, "a").outcome, Outcome::loaded);
    EXPECT_TRUE(is_alone());
    EXPECT_FALSE(watcher_.was_opened(path("b"))) << "it is known by now that nothing follows";
}

TEST_F(NextModelTest, AChangedSequenceIsRelearnt) {
    learn("abc");
    for (int i = 0; i < 3; ++i) run("ad");
    watcher_.forget();
    {
        const auto session = start();
        (void)ask(*session, "a");
        EXPECT_TRUE(eventually([&] { return is_read("d"); }));
    }
    EXPECT_FALSE(watcher_.was_opened(path("b")));
    EXPECT_FALSE(watcher_.was_opened(path("c")));
}

TEST_F(NextModelTest, ASingleOrSmallModelStartsNothing) {
    learn("a");
    learn("XYZ");
    for (const std::string model : {"a", "X"}) {
        const auto session = start();
        EXPECT_EQ(ask(*session, model).outcome, Outcome::loaded);
        EXPECT_TRUE(is_alone());
    }
    EXPECT_FALSE(watcher_.was_opened(path("Y")));
}

TEST_F(NextModelTest, ASmallModelMayComeBeforeALargeOne) {
    learn("Ab");
    const auto session = start();
    (void)ask(*session, "A");
    EXPECT_TRUE(eventually([&] { return is_read("b"); }));
}

TEST_F(NextModelTest, EachKeyIsReadAheadOnce) {
    learn("ab");
    const auto session = start();
    (void)ask(*session, "a");
    EXPECT_TRUE(is_alone());
    EXPECT_TRUE(is_read("b"));
    watcher_.forget();
    (void)ask(*session, "a");
    EXPECT_TRUE(is_alone());
    EXPECT_FALSE(watcher_.was_opened(path("b")));
}

TEST_F(NextModelTest, WhatIsGoneIsPassedOver) {
    learn("abc");
    fs::remove(path("b"));
    const auto session = start();
    EXPECT_EQ(ask(*session, "a").outcome, Outcome::loaded);
    EXPECT_TRUE(eventually([&] { return is_read("c"); }));
    EXPECT_EQ(ask(*session, "b").outcome, Outcome::compiled);
    EXPECT_EQ(ask(*session, "c").outcome, Outcome::loaded);
}

TEST_F(NextModelTest, WithoutAStateNothingIsExpectedAndAllIsWell) {
    config_.state_directory = "";
    learn("ab");
    run("a");
    EXPECT_FALSE(watcher_.was_opened(path("b")));
    support::write_file(directory_ / "file", "");
    config_.state_directory = directory_ / "file";
    learn("ab");
    run("a");
    EXPECT_FALSE(watcher_.was_opened(path("b")));
}

TEST_F(NextModelTest, ALarderThatIsOnlyReadIsReadAheadToo) {
    learn("ab");
    config_.mode = Mode::read_only;
    const auto session = start();
    EXPECT_EQ(ask(*session, "a").outcome, Outcome::loaded);
    EXPECT_TRUE(eventually([&] { return is_read("b"); }));
}

TEST_F(NextModelTest, ASessionMayEndWhileItReadsAhead) {
    learn("abc");
    watcher_.hold(path("b"));
    auto session = start();
    (void)ask(*session, "a");
    watcher_.wait_until_held();
    std::jthread ending([&] { session.reset(); });
    watcher_.release();
    ending.join();
    EXPECT_TRUE(is_alone());
    EXPECT_EQ(said_, 0);
}

TEST_F(NextModelTest, AChildThatIsForkedMeanwhileIsServed) {
    if (support::is_thread_sanitized()) GTEST_SKIP() << "it starts no threads in a forked child";
    learn("abc");
    watcher_.hold(path("b"));
    auto session = start();
    (void)ask(*session, "a");
    watcher_.wait_until_held();
    {
        support::Child child([&] {
            EXPECT_EQ(ask(*session, "b").outcome, Outcome::loaded);
            EXPECT_EQ(ask(*session, "c").outcome, Outcome::loaded);
            session.reset();
        });
        EXPECT_EQ(child.wait(), 0);
    }
    watcher_.release();
    EXPECT_EQ(ask(*session, "b").outcome, Outcome::loaded);
}

TEST_F(NextModelTest, ThreadsMayAskAllAtOnce) {
    const std::string models = "abcdefgh";
    device_.blob_padding = k_padding;
    for (int round = 0; round < 4; ++round) {
        const auto session = start();
        std::vector<std::jthread> askers;
        std::mutex mutex;
        for (const char model : models) {
            askers.emplace_back([&, model] {
                FakeRequest request(device_, std::string(1, model));
                ModelReference reference;
                reference.origin = ModelOrigin::memory;
                reference.name = std::string(1, model);
                const auto response = serve(*session, request, reference);
                const std::lock_guard lock(mutex);
                ASSERT_TRUE(response.has_value());
                EXPECT_EQ(response->outcome, round == 0 ? Outcome::compiled : Outcome::loaded);
            });
        }
    }
    EXPECT_EQ(said_, 0);
}

}  // namespace
}  // namespace larder::internal::cache
