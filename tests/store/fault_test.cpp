// Every call of the store fails in turn, once and permanently, with every relevant errno: the
// result is an Error or success, no intact entry is lost, and nothing is left in `tmp/`.
#include <cerrno>
#include <cstring>
#include <functional>

#include <gtest/gtest.h>

#include "harness.h"
#include "support/fault_file_system.h"

namespace larder::internal::store {
namespace {

using support::FaultFileSystem;
using support::Operation;

constexpr int k_errnos[] = {EIO, ENOSPC, EACCES, EROFS, EMFILE, EINTR};

struct Scenario {
    // With the existing entries "x" and "bystander".
    std::function<void(Store&)> prepare = [](Store&) {};
    std::function<Result<void>(Store&)> act;
    // Of "x", after it succeeded.
    std::function<void(const Contents&)> check_done = [](const Contents&) {};
    bool may_lose_x = false;
};

template <typename T>
Result<void> outcome(const Result<T>& result) {
    if (!result) return fail(result.error());
    return {};
}

class FaultTest : public ::testing::Test {
protected:
    enum class Lasting { no, yes };

    // False as soon as no call was left to fail.
    bool fail_call(std::uint64_t calls_before, int system_errno, Lasting lasting,
                   const Scenario& scenario) {
        const support::TemporaryDirectory directory(support::fast_directory());
        const auto larder = directory / "larder";
        FaultFileSystem faulty(*fs_);
        Machine machine(faulty);
        auto store = machine.must_open(larder);
        EXPECT_TRUE(store->publish(blob("x", 1)));
        EXPECT_TRUE(store->publish(blob("bystander")));
        scenario.prepare(*store);
        machine.memory().clear();

        if (lasting == Lasting::yes) {
            faulty.fail_always_after(calls_before, system_errno);
        } else {
            faulty.fail_once_after(calls_before, system_errno);
        }
        const auto done = scenario.act(*store);
        const auto faults = faulty.faults();
        const auto at = faulty.first_fault();
        faulty.heal();
        SCOPED_TRACE(std::string(std::strerror(system_errno)) + " at call " +
                     std::to_string(calls_before) +
                     (lasting == Lasting::yes ? " and later: " : ": ") + at +
                     (done ? "" : "; " + done.error().message()));
        // If the removal itself failed, the next open removes it.
        const bool stays = at.starts_with("remove") || at.find("/tmp/dir-") != std::string::npos;
        if (lasting == Lasting::no && !stays) {
            EXPECT_EQ(support::tree_of(larder + "/tmp"), "");
        }
        check(larder, scenario, done.has_value());
        // The store that met the fault still works.
        EXPECT_TRUE(store->publish(blob("y"))) << "not well again";
        EXPECT_TRUE(store->find(key_of("y")).manifest);
        store.reset();
        EXPECT_TRUE(machine.must_open(larder));
        EXPECT_EQ(support::tree_of(larder + "/tmp"), "");
        return faults > 0;
    }

    static void check(const std::string& larder, const Scenario& scenario, bool done) {
        const auto contents = read_larder(larder);
        EXPECT_EQ(contents.damage, "");
        EXPECT_EQ(contents.versions.count("bystander"), 1U) << "the bystander is lost";
        if (scenario.may_lose_x) {
            for (const auto& name : contents.missing) EXPECT_EQ(name, "x");
        } else {
            EXPECT_TRUE(contents.missing.empty());
            EXPECT_EQ(contents.versions.count("x"), 1U) << "x is lost";
            EXPECT_EQ(support::tree_of(larder + "/quarantine"), "");
        }
        if (done) scenario.check_done(contents);
    }

    void fail_everywhere(const Scenario& scenario) {
        for (const int system_errno : k_errnos) {
            for (const auto lasting : {Lasting::no, Lasting::yes}) {
                std::uint64_t calls = 0;
                while (fail_call(calls, system_errno, lasting, scenario)) {
                    ASSERT_LT(++calls, 1'000U);
                    ASSERT_FALSE(HasFailure());
                }
                EXPECT_GT(calls, 2U);
            }
        }
    }

    support::UnsyncedCalls calls_;
    std::unique_ptr<os::FileSystem> fs_ = os::make_posix_file_system(calls_);
};

TEST_F(FaultTest, WhilePublishing) {
    fail_everywhere(
        {.act = [](Store& store) { return outcome(store.publish(blob("new"))); },
         .check_done = [](const Contents& after) { EXPECT_EQ(after.versions.count("new"), 1U); }});
}

TEST_F(FaultTest, WhileReplacing) {
    fail_everywhere(
        {.act = [](Store& store) { return outcome(store.publish(blob("x", 2))); },
         .check_done = [](const Contents& after) { EXPECT_EQ(after.versions.at("x"), 2); }});
}

TEST_F(FaultTest, WhileReplacingWithTheSameBytes) {
    fail_everywhere({.act = [](Store& store) { return outcome(store.publish(blob("x", 1))); }});
}

// The error of the one entry, if the operation as a whole did not fail.
Result<void> outcome_of_one(const Result<Recoding>& recoding) {
    if (!recoding) return fail(recoding.error());
    if (recoding->done.size() == 1) return {};
    if (recoding->left.empty()) return fail(Errc::io, "held back: " + recoding->held_back);
    return fail(recoding->left.front().error.value_or(Error{Errc::io, 0, "left", {}, {}}));
}

void compress_x(Store& store) {
    EXPECT_TRUE(outcome_of_one(store.compress({{{key_of("x")}}, {}})));
}

TEST_F(FaultTest, WhileCompressing) {
    fail_everywhere(
        {.act = [](Store& store) { return outcome_of_one(store.compress({{{key_of("x")}}, {}})); },
         .check_done = [](const Contents& after) { EXPECT_EQ(after.compressed, 1); }});
}

TEST_F(FaultTest, WhileDecompressing) {
    fail_everywhere({.prepare = compress_x,
                     .act =
                         [](Store& store) {
                             const auto key = key_of("x");
                             return outcome_of_one(store.decompress({&key, 1}));
                         },
                     .check_done = [](const Contents& after) { EXPECT_EQ(after.compressed, 0); }});
}

TEST_F(FaultTest, WhileLoadingWhatIsCompressed) {
    fail_everywhere({.prepare = compress_x, .act = [](Store& store) -> Result<void> {
                         const auto found = store.find(key_of("x"));
                         if (!found.manifest) return fail(*found.fault);
                         auto object = store.open_blob(*found.manifest, Verify::always);
                         if (!object) return fail(object.error());
                         EXPECT_EQ(text_of(*object), content_of("x", 1, 5'000));
                         return {};
                     }});
}

TEST_F(FaultTest, WhileLookingUp) {
    fail_everywhere({.act = [](Store& store) -> Result<void> {
        auto found = store.find(key_of("x"));
        if (found.manifest) return {};
        return fail(
            found.fault.value_or(Error{Errc::not_found, 0, "a miss without a word", {}, {}}));
    }});
}

TEST_F(FaultTest, WhileOpeningAnObject) {
    fail_everywhere({.act = [](Store& store) -> Result<void> {
        const auto found = store.find(key_of("x"));
        if (!found.manifest) return fail(*found.fault);
        auto object =
            store.open_object(found.manifest->key, found.manifest->parts[0], Verify::always);
        if (!object) return fail(object.error());
        EXPECT_EQ(text_of(*object), content_of("x", 1, 5'000));
        return {};
    }});
}

TEST_F(FaultTest, WhileRemoving) {
    fail_everywhere(
        {.act =
             [](Store& store) {
                 const Key key = key_of("x");
                 return outcome(store.remove({&key, 1}));
             },
         .check_done = [](const Contents& after) { EXPECT_EQ(after.versions.count("x"), 0U); },
         .may_lose_x = true});
}

TEST_F(FaultTest, WhileSettingAside) {
    fail_everywhere(
        {.act = [](Store& store) -> Result<void> {
             const auto found = store.find(key_of("x"));
             if (!found.manifest) return fail(*found.fault);
             return store.quarantine(found.manifest->key, found.manifest->parts[0], "test");
         },
         .check_done = [](const Contents& after) { EXPECT_EQ(after.versions.count("x"), 0U); },
         .may_lose_x = true});
}

TEST_F(FaultTest, WhileVerifying) {
    fail_everywhere({.act = [](Store& store) { return outcome(store.verify({})); }});
}

TEST_F(FaultTest, WhileListingAndMeasuring) {
    fail_everywhere({.act = [](Store& store) -> Result<void> {
        if (auto totals = store.totals(); !totals) return fail(totals.error());
        if (auto keys = store.find_keys(""); !keys) return fail(keys.error());
        return store.for_each_entry([](const ListedEntry&) { return Continue::yes; });
    }});
}

TEST_F(FaultTest, WhileCollectingGarbage) {
    fail_everywhere({.act = [](Store& store) { return outcome(store.prune({})); }});
}

TEST_F(FaultTest, WhileTryingAnObject) {
    fail_everywhere({.act = [](Store& store) -> Result<void> {
        const Digest object = hash_bytes({});
        auto trial = store.begin_trial(object);
        if (!trial) return fail(trial.error());
        trial->end();
        if (auto dead = store.count_crashes(object); !dead) return fail(dead.error());
        static_cast<void>(store.is_proven(object));
        return store.mark_proven(object);
    }});
}

TEST_F(FaultTest, WhileTheCompileLockIsHeld) {
    fail_everywhere({.act = [](Store& store) {
        return outcome(store.compile_lock(key_of("x"), std::chrono::nanoseconds(0)));
    }});
}

TEST_F(FaultTest, WhileUsingAPrivateDirectory) {
    fail_everywhere({.act = [](Store& store) -> Result<void> {
        // A new file each time, which no longer exists at the end.
        auto set = store.publish(files("set", {{"a", "A"}, {"b", "B"}}));
        if (!set) return fail(set.error());
        auto directory = store.materialise(&*set, Verify::always);
        if (!directory) return fail(directory.error());
        return outcome(store.harvest(*directory));
    }});
}

TEST_F(FaultTest, WhileOpening) {
    for (const int system_errno : k_errnos) {
        for (std::uint64_t calls = 0;; ++calls) {
            const support::TemporaryDirectory directory(support::fast_directory());
            FaultFileSystem faulty(*fs_);
            Machine machine(faulty);
            faulty.fail_once_after(calls, system_errno);
            const auto opened = machine.open({.directory = directory / "a/larder"});
            const bool failed = faulty.faults() > 0;
            SCOPED_TRACE(std::string(std::strerror(system_errno)) + ": " + faulty.first_fault());
            faulty.heal();
            if (opened && (*opened)->access() == Access::read_write) {
                ASSERT_TRUE((*opened)->publish(blob("x")));
            }
            const auto store = machine.must_open(directory / "a/larder");
            ASSERT_TRUE(store && store->publish(blob("x")));
            ASSERT_EQ(support::tree_of(directory / "a/larder/tmp"), "");
            if (!failed) break;
        }
    }
}

// The kernel drops the pages of a failed sync, and reports success for the next sync of the same
// file.
TEST_F(FaultTest, WhatFailedToSyncIsWrittenAnewAndNeverSyncedAgain) {
    const support::TemporaryDirectory directory(support::fast_directory());
    FaultFileSystem faulty(*fs_);
    Machine machine(faulty);
    const auto store = machine.must_open(directory / "larder");
    for (const std::string kind : {"object-", "entry-"}) {
        faulty.reset();
        int failures = 1;
        faulty.fail_where(
            [&](const support::Call& call) {
                return call.operation == Operation::sync &&
                       call.path.find("tmp/" + kind) != std::string::npos && failures-- > 0;
            },
            EIO);
        ASSERT_TRUE(store->publish(blob("x" + kind))) << kind;
        EXPECT_EQ(faulty.faults(), 1U);
        EXPECT_EQ(faulty.calls(Operation::sync), 3U) << faulty.transcript();
        // No path is synced twice; a name has a random part.
        EXPECT_EQ(faulty.paths(Operation::sync).size(), 3U) << faulty.transcript();
    }
    // Twice is enough.
    faulty.reset();
    faulty.fail_all(Operation::sync, EIO);
    EXPECT_FALSE(store->publish(blob("never")));
    EXPECT_EQ(faulty.calls(Operation::sync), 2U);
    EXPECT_EQ(faulty.paths(Operation::sync).size(), 2U);
    EXPECT_EQ(support::tree_of(directory / "larder/tmp"), "");
    const auto contents = read_larder(directory / "larder");
    EXPECT_EQ(contents.damage, "");
    EXPECT_EQ(contents.versions.size(), 2U);
}

TEST_F(FaultTest, TheDiskBeginsToWriteAnObjectBeforeItIsHashed) {
    const support::TemporaryDirectory directory(support::fast_directory());
    FaultFileSystem faulty(*fs_);
    Machine machine(faulty);
    const auto store = machine.must_open(directory / "larder");
    std::uint64_t begun_at_read = 0;
    faulty.fail_where(
        [&](const support::Call& call) {
            if (call.operation == Operation::read &&
                call.path.find("object-") != std::string::npos) {
                begun_at_read = faulty.begun_syncs();
            }
            return false;
        },
        EIO);
    ASSERT_TRUE(store->publish(blob("x", 1, 100'000)));
    EXPECT_EQ(begun_at_read, 1U);
    EXPECT_EQ(faulty.begun_syncs(), 1U);
}

// Each system call is interrupted, and each transfer is short.
TEST_F(FaultTest, InterruptionsAndShortTransfersChangeNothing) {
    const support::TemporaryDirectory directory(support::fast_directory());
    support::InterruptedCalls calls(999);
    const auto fs = os::make_posix_file_system(calls);
    Machine machine(*fs);
    const auto store = machine.must_open(directory / "larder");
    ASSERT_TRUE(store->publish(blob("x", 1, 100'000)));
    const auto manifest = store->find(key_of("x")).manifest;
    ASSERT_TRUE(manifest);
    const auto object = store->open_object(manifest->key, manifest->parts[0], Verify::always);
    ASSERT_TRUE(object);
    EXPECT_EQ(text_of(*object), content_of("x", 1, 100'000));
    EXPECT_EQ(read_larder(directory / "larder").damage, "");
    EXPECT_GT(calls.interruptions(), 200U);
}

// A failed call must close the files that it had opened.
TEST_F(FaultTest, NoDescriptorIsLeft) {
    const auto count = [&] { return fs_->list("/proc/self/fd")->size(); };
    const support::TemporaryDirectory directory(support::fast_directory());
    FaultFileSystem faulty(*fs_);
    Machine machine(faulty);
    const auto store = machine.must_open(directory / "larder");
    ASSERT_TRUE(store->publish(blob("x")));
    const auto before = count();
    for (std::uint64_t calls = 0;; ++calls) {
        faulty.fail_once_after(calls, EIO);
        static_cast<void>(store->publish(blob("x", static_cast<int>(calls))));
        if (const auto manifest = store->find(key_of("x")).manifest) {
            static_cast<void>(store->open_object(manifest->key, manifest->parts[0], Verify::once));
        }
        static_cast<void>(store->compile_lock(key_of("x"), {}));
        if (faulty.faults() == 0) break;
        ASSERT_EQ(count(), before) << faulty.first_fault();
    }
}

}  // namespace
}  // namespace larder::internal::store
