// state/state.h: the learned order in which programs request models, and how it is forgotten.
#include <algorithm>
#include <string>
#include <vector>

#include "harness.h"
#include "state/state.h"
#include "support/process.h"

namespace larder::internal::state {
namespace {

using store::key_of;
using store::Machine;

constexpr os::FileStamp k_model_stamp{1, 2, 3, 4, 5};

Digest object_of(const std::string& model) { return hash_bytes(std::as_bytes(std::span(model))); }

class FollowersTest : public ::testing::Test {
protected:
    std::unique_ptr<State> open() {
        return std::make_unique<State>(machine_.system(), machine_.log(), directory_ / "state");
    }
    // One run of a program that requests these models, each named by one letter; in a state of its
    // own.
    void run(const std::string& models) {
        const auto state = open();
        Turn turn;
        for (const char model : models) {
            const std::string name(1, model);
            turn.larder_id = "larder";
            turn.key = key_of(name);
            turn.object = object_of(name + version_);
            state->learn(turn);
            turn.before.insert(turn.before.begin(), turn.key);
        }
        EXPECT_FALSE(state->fault());
    }
    // The models that are expected after a request for `model`, in order.
    std::string after(const std::string& model, const std::string& larder_id = "larder") {
        std::string names;
        for (const auto& follower : open()->followers(larder_id, key_of(model))) {
            for (const char name : std::string("abcdefghijklmnopqrstuvwxyz")) {
                if (!follower.expected || follower.key != key_of(std::string(1, name))) continue;
                EXPECT_EQ(follower.object, object_of(name + version_));
                names += name;
            }
        }
        return names;
    }

    support::TemporaryDirectory directory_{support::fast_directory()};
    std::unique_ptr<os::FileSystem> fs_ = os::make_posix_file_system();
    Machine machine_{*fs_};
    std::string version_ = "1";
};

TEST_F(FollowersTest, TwoRunsTeachASequence) {
    EXPECT_EQ(after("a"), "");
    run("abc");
    EXPECT_EQ(after("a"), "") << "once is no habit";
    run("abc");
    EXPECT_EQ(after("a"), "bc");
    EXPECT_EQ(after("b"), "c");
    EXPECT_EQ(after("c"), "");
    EXPECT_EQ(after("a", "another larder"), "");
}

TEST_F(FollowersTest, TheOrderIsThatOfTheLatestRun) {
    for (int i = 0; i < 2; ++i) run("abcd");
    run("adbc");
    EXPECT_EQ(after("a"), "dbc");
}

TEST_F(FollowersTest, AChangedSequenceIsRelearnt) {
    for (int i = 0; i < 50; ++i) run("abc");
    run("adc");
    EXPECT_EQ(after("a"), "bc") << "an exception teaches nothing";
    for (int i = 0; i < 2; ++i) run("adc");
    EXPECT_EQ(after("a"), "dc");
    EXPECT_EQ(after("b"), "c") << "for whoever begins with b";
}

TEST_F(FollowersTest, TwoProgramsThatBeginAlikeAreBothKnown) {
    for (int i = 0; i < 10; ++i) {
        run("abc");
        run("axy");
    }
    EXPECT_EQ(after("a").size(), 4U);
    run("abc");
    EXPECT_EQ(after("a").size(), 4U);
}

TEST_F(FollowersTest, AProgramThatAsksForTheFirstAloneUnteachesTheRest) {
    for (int i = 0; i < 50; ++i) run("abc");
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(after("a"), "bc");
        run("a");
    }
    EXPECT_EQ(after("a"), "");
    EXPECT_FALSE(open()->followers("larder", key_of("a")).empty());
    for (int i = 0; i < 20; ++i) run("a");
    EXPECT_TRUE(open()->followers("larder", key_of("a")).empty()) << "nothing is kept for ever";
}

TEST_F(FollowersTest, TheLatestObjectIsTheOneExpected) {
    for (int i = 0; i < 2; ++i) run("ab");
    version_ = "2";
    run("ab");
    EXPECT_EQ(after("a"), "b");
}

TEST_F(FollowersTest, AnEntryThatIsGoneIsForgottenOnBothSides) {
    for (int i = 0; i < 2; ++i) run("abc");
    open()->forget("larder", key_of("b"));
    EXPECT_EQ(after("a"), "c");
    EXPECT_EQ(after("b"), "");
    open()->forget("another larder", key_of("c"));
    EXPECT_EQ(after("a"), "c");
}

TEST_F(FollowersTest, TheOldestAreForgottenBeyondALimit) {
    for (int i = 0; i < 2; ++i) run("ab");
    const auto state = open();
    Turn turn{.larder_id = "larder", .key = key_of("many"), .object = object_of("many")};
    for (int i = 0; i < 12'000; ++i) {
        turn.before.push_back(key_of(std::to_string(i)));
    }
    state->learn(turn);
    // It is checked once in that number of events.
    for (int i = 0; i < 1'000; ++i) state->record(Event{});
    EXPECT_EQ(after("a"), "");
}

TEST_F(FollowersTest, ProcessesTeachTogether) {
    std::vector<support::Child> children;
    for (int i = 0; i < 4; ++i) {
        children.emplace_back([&] {
            for (int n = 0; n < 5; ++n) run("abcd");
        });
    }
    for (auto& child : children) EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(after("a"), "bcd");
}

}  // namespace
}  // namespace larder::internal::state
