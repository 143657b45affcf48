// store/objects/quarantine.h and store/objects/trials.h: setting objects aside, and finding those
// that crash processes.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <set>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

#include "harness.h"
#include "support/fake_clock.h"
#include "support/process.h"

namespace larder::internal::store {
namespace {

namespace stdfs = std::filesystem;

class QuarantineTest : public LarderTest {
protected:
    void SetUp() override {
        manifest_ = *publish(blob("x"));
        part_ = manifest_.parts[0];
    }
    std::unique_ptr<Store> open_read_only(const std::string& state) {
        auto store = machine_.open(
            {.directory = larder(), .state_directory = state, .access = Access::read_only});
        EXPECT_TRUE(store);
        return std::move(*store);
    }

    Manifest manifest_;
    Part part_;
};

TEST_F(QuarantineTest, TakesAwayTheEntryAndTheObjectAndItsTrials) {
    const auto shares = publish(blob_of("shares", content_of("x", 1, 5'000)));
    ASSERT_TRUE(store_->mark_proven(part_.object));
    ASSERT_TRUE(store_->quarantine(manifest_.key, part_, "refused"));
    EXPECT_FALSE(store_->find(manifest_.key).manifest);
    EXPECT_FALSE(stdfs::exists(path_of(part_.object)));
    EXPECT_FALSE(store_->is_proven(part_.object));
    EXPECT_NE(quarantine().find(part_.object.hex()), std::string::npos);
    EXPECT_NE(machine_.logged().find("refused"), std::string::npos);
    // The other entry's object is missing too, which its next reader notices.
    EXPECT_EQ(store_->open_object(shares->key, shares->parts[0], Verify::once).error().code,
              Errc::not_found);
    EXPECT_TRUE(store_->quarantine(manifest_.key, part_, "once more, to no effect"));
}

TEST_F(QuarantineTest, LeavesWhatWasPublishedAnewMeanwhile) {
    const auto seen = store_->open_object(manifest_.key, part_, Verify::once)->stamp;
    ASSERT_TRUE(publish(blob("x")));
    ASSERT_TRUE(store_->quarantine(manifest_.key, part_, "an earlier file", seen));
    EXPECT_TRUE(store_->find(manifest_.key).manifest);
    EXPECT_EQ(quarantine(), "");
    ASSERT_TRUE(publish(blob("x", 2)));
    ASSERT_TRUE(store_->quarantine(manifest_.key, part_, "an object that is gone"));
    EXPECT_TRUE(store_->find(manifest_.key).manifest) << "it names another object by now";
}

TEST_F(QuarantineTest, NeverFillsTheDisk) {
    for (int i = 0; i < 40; ++i) {
        const auto manifest = *publish(blob("x", i));
        ASSERT_TRUE(store_->quarantine(manifest.key, manifest.parts[0], "test"));
    }
    EXPECT_LE(store_->totals()->quarantined, 16U);
    EXPECT_GE(store_->totals()->quarantined, 1U);
}

TEST_F(QuarantineTest, KnowsWhichEntriesWentUntilTheyArePublishedAnewOrRemoved) {
    const auto set_aside = [&] {
        std::set<Key> keys;
        const auto manifests = *store_->entries_set_aside();
        for (const auto& manifest : manifests) keys.insert(manifest.key);
        return keys;
    };
    EXPECT_EQ(set_aside(), std::set<Key>{});
    std::set<Key> all;
    // More manifests than the maximum number of objects in quarantine.
    for (int i = 0; i < 20; ++i) {
        const auto manifest = *publish(blob("model " + std::to_string(i), i));
        ASSERT_TRUE(store_->quarantine(manifest.key, manifest.parts[0], "test"));
        all.insert(manifest.key);
    }
    EXPECT_EQ(set_aside(), all);
    const auto anew = *publish(blob("model 3"));
    all.erase(anew.key);
    EXPECT_EQ(set_aside(), all);
    ASSERT_TRUE(store_->remove(std::vector{anew.key}));
    EXPECT_EQ(set_aside(), all) << "who removes it does not want it back";
    store_->forget_entry_set_aside(*all.begin());
    all.erase(all.begin());
    EXPECT_EQ(set_aside(), all);
    for (const auto& file : stdfs::directory_iterator(larder() + "/quarantine")) {
        if (file.path().extension() == ".entry") support::flip_byte(file.path(), 40);
    }
    EXPECT_EQ(set_aside(), std::set<Key>{});
}

TEST_F(QuarantineTest, OfALarderThatIsReadOnlyIsNotedOnThisMachine) {
    const auto before = tree();
    const auto store = open_read_only(directory_ / "state");
    EXPECT_TRUE(store->find(manifest_.key).manifest);
    ASSERT_TRUE(store->quarantine(manifest_.key, part_, "refused"));
    const auto found = store->find(manifest_.key);
    EXPECT_FALSE(found.manifest);
    EXPECT_TRUE(found.fault);
    EXPECT_FALSE(open_read_only(directory_ / "state")->find(manifest_.key).manifest);
    EXPECT_TRUE(open_read_only(directory_ / "elsewhere")->find(manifest_.key).manifest);
    EXPECT_EQ(tree(), before);
    // After another publication it is another file.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_TRUE(publish(blob("x")));
    EXPECT_TRUE(store->find(manifest_.key).manifest);
}

TEST_F(QuarantineTest, OfDamageInALarderThatIsReadOnlyIsNotedToo) {
    support::flip_byte(path_of(part_.object), 1);
    const auto store = open_read_only(directory_ / "state");
    EXPECT_EQ(store->open_object(manifest_.key, part_, Verify::always).error().code, Errc::damaged);
    EXPECT_FALSE(store->find(manifest_.key).manifest);
    EXPECT_TRUE(stdfs::exists(path_of(part_.object)));
    // Without a state directory it is detected each time.
    const auto forgetful = open_read_only("");
    EXPECT_EQ(forgetful->open_object(manifest_.key, part_, Verify::always).error().code,
              Errc::damaged);
    EXPECT_TRUE(forgetful->find(manifest_.key).manifest);
}

class TrialTest : public QuarantineTest {
protected:
    // A process that begins a trial and ends in this way.
    void end_by(int signal, const std::function<void()>& end, bool is_loaded = false) {
        support::Child child([&] {
            const struct rlimit no_core{0, 0};
            ::setrlimit(RLIMIT_CORE, &no_core);
            Machine machine(*fs_);
            const auto store = machine.must_open(larder());
            auto trial = store->begin_trial(part_.object);
            ASSERT_TRUE(trial);
            if (is_loaded) trial->note_loaded();
            end();
        });
        EXPECT_EQ(child.wait(), -signal);
    }
    [[nodiscard]] std::uint64_t crashes() {
        const auto count = store_->count_crashes(part_.object);
        EXPECT_TRUE(count);
        return count->crashes;
    }
};

TEST_F(TrialTest, ThatEndsLeavesNothing) {
    {
        auto first = store_->begin_trial(part_.object);
        auto second = store_->begin_trial(part_.object);
        ASSERT_TRUE(first && second);
        EXPECT_EQ(crashes(), 0U);
        first->end();
        first->end();
        *second = std::move(*first);
    }
    EXPECT_EQ(crashes(), 0U);
    EXPECT_EQ(support::tree_of(larder() + "/trials"), "");
    EXPECT_EQ(tmp(), "");
}

// Sanitizers handle crashes themselves, so that larder does not detect them.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(TrialTest, ThatIsCutShortBlamesNobody) {
    for (const bool is_loaded : {false, true}) {
        end_by(0, [] { ::_exit(0); }, is_loaded);
        for (const int signal : {SIGKILL, SIGTERM, SIGINT, SIGABRT, SIGSEGV}) {
            end_by(
                signal,
                [&] {
                    ::kill(::getpid(), signal);
                    ::pause();
                },
                is_loaded);
        }
    }
    EXPECT_NE(support::tree_of(larder() + "/trials"), "");
    const auto living = store_->begin_trial(part_.object);
    ASSERT_TRUE(living);
    EXPECT_EQ(crashes(), 0U);
    EXPECT_NE(support::tree_of(larder() + "/trials"), "") << "a trial goes on";
    EXPECT_EQ(std::distance(std::filesystem::recursive_directory_iterator(larder() + "/trials"),
                            std::filesystem::recursive_directory_iterator{}),
              3)
        << "two directories and that trial";
}

TEST_F(TrialTest, ThatCrashesIsCounted) {
    end_by(SIGSEGV, support::write_nowhere);
    end_by(SIGABRT, [] { std::abort(); });
    EXPECT_EQ(crashes(), 2U);
    end_by(SIGSEGV, support::write_nowhere, true);
    const auto living = store_->begin_trial(part_.object);
    const auto count = store_->count_crashes(part_.object);
    ASSERT_TRUE(living && count);
    EXPECT_EQ(count->crashes, 3U);
    EXPECT_EQ(count->signals, (std::set<std::string>{"SIGABRT", "SIGSEGV"}));
    EXPECT_FALSE(store_->is_proven(part_.object));
    ASSERT_TRUE(store_->mark_proven(part_.object));
    ASSERT_TRUE(store_->mark_proven(part_.object));
    EXPECT_TRUE(store_->is_proven(part_.object));
    // The knowledge about an object is removed with it.
    ASSERT_TRUE(store_->quarantine(manifest_.key, part_, "it crashes"));
    EXPECT_EQ(crashes(), 0U);
}

// Programs may abort at their end, and at any other time.
TEST_F(TrialTest, OfALoadedObjectIsNoMatterOfAborts) {
    end_by(SIGABRT, [] { std::abort(); }, true);
    EXPECT_EQ(crashes(), 0U);
}

TEST_F(TrialTest, ThatCrashedCountsForADay) {
    end_by(SIGSEGV, support::write_nowhere);
    os::RealSystem real;
    support::FakeClock clock;
    Machine machine(*fs_, &clock);
    const auto now = real.system().clock.wall();
    clock.set_wall(now + std::chrono::hours(23));
    const auto store = machine.must_open(larder());
    EXPECT_EQ(store->count_crashes(part_.object)->crashes, 1U);
    clock.set_wall(now + std::chrono::hours(25));
    EXPECT_EQ(store->count_crashes(part_.object)->crashes, 0U);
    EXPECT_EQ(support::tree_of(larder() + "/trials"), "") << "it means nothing to anybody";
}

TEST_F(TrialTest, OfALarderThatIsReadOnlyIsKeptOnThisMachine) {
    const auto before = tree();
    const auto store = open_read_only(directory_ / "state");
    support::Child child([&] {
        const auto trial = store->begin_trial(part_.object);
        ASSERT_TRUE(trial);
        support::write_nowhere();
    });
    EXPECT_EQ(child.wait(), -SIGSEGV);
    EXPECT_EQ(store->count_crashes(part_.object)->crashes, 1U);
    ASSERT_TRUE(store->mark_proven(part_.object));
    EXPECT_TRUE(store->is_proven(part_.object));
    EXPECT_EQ(tree(), before);
    EXPECT_EQ(open_read_only("")->begin_trial(part_.object).error().code, Errc::read_only);
    EXPECT_EQ(open_read_only("")->count_crashes(part_.object)->crashes, 0U);
    ASSERT_TRUE(store_->mark_proven(part_.object));
    EXPECT_TRUE(open_read_only("")->is_proven(part_.object)) << "the larder itself says so";
}
#endif

TEST_F(TrialTest, ManyAtOnceWhileTheObjectIsSetAside) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 100; ++n) {
                const auto trial = store_->begin_trial(part_.object);
                EXPECT_TRUE(trial || trial.error().code == Errc::not_found)
                    << trial.error().message();
                EXPECT_TRUE(store_->count_crashes(part_.object));
            }
        });
    }
    for (int n = 0; n < 50; ++n) {
        static_cast<void>(publish(blob("x")));
        static_cast<void>(store_->quarantine(manifest_.key, part_, "test"));
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(tmp(), "");
}

}  // namespace
}  // namespace larder::internal::store
