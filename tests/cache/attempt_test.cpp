// Complete requests on a fake runtime with selectable faults.
#include <barrier>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempt_harness.h"
#include "cache/attempt/explain.h"
#include "cache/attempt/serve.h"
#include "cache/pages/blob_pages.h"
#include "support/fake_clock.h"
#include "support/fake_runtime.h"
#include "support/process.h"

namespace larder::internal::cache {
namespace {

namespace fs = std::filesystem;
using support::FakeDevice;
using support::FakeRequest;

TEST_F(AttemptTest, CompilesOnceAndLoadsThereafter) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(outcome(), Outcome::loaded);
    EXPECT_EQ(outcome("y"), Outcome::compiled);
    EXPECT_EQ(outcome("y"), Outcome::loaded);
    EXPECT_EQ(device_.compiles_done, 2);
    EXPECT_TRUE(said_.empty());
}

TEST_F(AttemptTest, WaitersLoadWhileTheCompilersOwnImportStalls) {
    device_.blob_padding = k_releasable_blob_bytes;
    support::Signal stalls;
    support::Signal may_go_on;
    support::Child compiler([&] {
        device_.on_import = [&] {
            stalls.raise();
            EXPECT_TRUE(may_go_on.wait());
        };
        EXPECT_EQ(outcome(), Outcome::compiled);
        EXPECT_EQ(device_.imports_done, 1);
    });
    ASSERT_TRUE(stalls.wait());
    // Neither a request that finds the blob nor a request that compiles the same model again.
    EXPECT_EQ(outcome(), Outcome::loaded);
    config_.mode = Mode::refresh;
    config_.lock_timeout = std::chrono::nanoseconds{0};
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(reason_, "the mode is refresh: it is compiled again");
    may_go_on.raise();
    EXPECT_EQ(compiler.wait(), 0);
}

TEST_F(AttemptTest, ADeviceThatCannotBeCachedIsBypassedWithItsReason) {
    device_.caching = runtime::Caching::none;
    EXPECT_EQ(outcome(), Outcome::bypassed);
    EXPECT_EQ(reason_, "the device is fake");
    EXPECT_EQ(count("entries"), 0U);
}

TEST_F(AttemptTest, AModelThatCannotBeExportedIsBypassedWithItsReason) {
    device_.exports = false;
    EXPECT_EQ(outcome(), Outcome::bypassed);
    EXPECT_EQ(reason_, "the fake device does not export");
    EXPECT_EQ(count("tmp"), 0U);
    EXPECT_TRUE(said_.empty()) << "what a device cannot do is nobody's fault";
}

TEST_F(AttemptTest, WhatTheRuntimeThrowsReachesTheCallerAndFreesTheLock) {
    device_.compiles = false;
    EXPECT_THROW((void)ask(), std::runtime_error);
    device_.compiles = true;
    config_.lock_timeout = std::chrono::seconds(5);
    EXPECT_EQ(outcome(), Outcome::compiled);
}

TEST_F(AttemptTest, ARefusedBlobIsReplacedOnceACompileSucceeded) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    device_.accepts = false;
    device_.compiles = false;
    EXPECT_THROW((void)ask(), std::runtime_error);
    // If compiling fails too, the blob was not the cause: it still exists.
    device_.accepts = true;
    EXPECT_EQ(outcome(), Outcome::loaded);
    device_.compiles = true;
    device_.accepts = false;
    EXPECT_EQ(outcome(), Outcome::compiled);
    device_.accepts = true;
    EXPECT_EQ(outcome(), Outcome::loaded);
}

// Another build may have caused the refusal of the first load.
TEST_F(AttemptTest, ExportRefusedByTwoLoadsIsNotMadeAgain) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    device_.accepts = false;
    EXPECT_EQ(outcome(), Outcome::compiled);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(outcome(), Outcome::bypassed);
    EXPECT_EQ(device_.exports_done, 2);
    EXPECT_EQ(device_.compiles_done, 4);
    EXPECT_TRUE(said_.empty()) << "it was never accepted";
}

TEST_F(AttemptTest, WhatWasAcceptedBeforeMayBeRefusedAnyNumberOfTimes) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(outcome(), Outcome::loaded);
    for (int i = 0; i < 4; ++i) {
        device_.accepts = false;
        EXPECT_EQ(outcome(), Outcome::compiled);
        device_.accepts = true;
        EXPECT_EQ(outcome(), Outcome::loaded);
    }
}

// The encoding of an entry may change after it was found and before it is opened.
TEST_F(AttemptTest, WhatIsCompressedMeanwhileIsLoaded) {
    device_.blob_padding = 100'000;
    EXPECT_EQ(outcome(), Outcome::compiled);
    store::NoMemory memory;
    const auto store =
        *store::Store::open(system_.system(), log_, memory, {.directory = config_.directory});
    int recoded = 0;
    device_.on_check = [&] { recoded += static_cast<int>(store->compress({})->done.size()); };
    EXPECT_EQ(outcome(), Outcome::loaded) << reason_;
    device_.on_check = [&] {
        const auto keys = *store->find_keys("");
        recoded += static_cast<int>(store->decompress(keys)->done.size());
    };
    EXPECT_EQ(outcome(), Outcome::loaded) << reason_;
    device_.on_check = nullptr;
    EXPECT_EQ(outcome(), Outcome::loaded) << reason_;
    EXPECT_EQ(recoded, 2);
    EXPECT_EQ(device_.compiles_done, 1);
    EXPECT_TRUE(said_.empty()) << said_.front();
}

// No file backs its memory: none of it may be dropped, and nothing can be read ahead.
TEST_F(AttemptTest, ALargeBlobThatIsCompressedIsLoaded) {
    device_.blob_padding = k_large_blob_bytes;
    EXPECT_EQ(outcome(), Outcome::compiled);
    store::NoMemory memory;
    const auto store =
        *store::Store::open(system_.system(), log_, memory, {.directory = config_.directory});
    EXPECT_EQ(store->compress({})->done.size(), 1U);
    for (const auto release_memory : {ReleaseMemory::on, ReleaseMemory::off}) {
        config_.release_memory = release_memory;
        EXPECT_EQ(outcome(), Outcome::loaded) << reason_;
    }
    EXPECT_TRUE(said_.empty());
}

// The runtime writes such files itself, and a write beyond the limit would end the process.
TEST_F(AttemptTest, ADirectoryIsNotLeftToADeviceUnderALimitOfFileSizes) {
    device_.caching = runtime::Caching::directory;
    const auto status = in_a_child([&] {
        struct rlimit limit{};
        ::getrlimit(RLIMIT_FSIZE, &limit);
        limit.rlim_cur = std::size_t{1} << 30;
        ::setrlimit(RLIMIT_FSIZE, &limit);
        if (outcome() != Outcome::bypassed) ::_exit(1);
        if (reason_.find("ulimit -f") == std::string::npos) ::_exit(2);
    });
    EXPECT_EQ(status, 0);
}

TEST_F(AttemptTest, WhatIsWrappedIsKeptAsFilesAndLoadedAsItWasSettled) {
    device_.may_be_wrapped = true;
    device_.is_wrapped = true;
    device_.exports = false;
    device_.settled = "STREAMS=2\n";
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(outcome(), Outcome::loaded);
    EXPECT_EQ(device_.compiles_done, 1);
    EXPECT_EQ(device_.expected_settled, "STREAMS=2\n");
    Session session(system(), log_, config_);
    const auto store = *session.store();
    const auto kept = store->find(format::Key{*ask(session).response->key}).manifest;
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->encoding, format::Encoding::files);
    EXPECT_EQ(kept->requirements, "fake 1");
    EXPECT_TRUE(said_.empty());
}

TEST_F(AttemptTest, WhatMayBeWrappedAndIsNotIsKeptAsABlob) {
    device_.may_be_wrapped = true;
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_FALSE(fs::exists(device_.private_directory));
    EXPECT_EQ(outcome(), Outcome::loaded);
    EXPECT_EQ(device_.imports_done, 1);
    EXPECT_EQ(count("tmp"), 0U);
}

TEST_F(AttemptTest, WhatADeviceCompilesBehindAnotherIsKeptLaterAtItsOwnCost) {
    device_.caching = runtime::Caching::directory;
    device_.is_stood_in_for = true;
    Session session(system(), log_, config_);
    const auto asked = ask(session);
    EXPECT_EQ(asked.response->outcome, Outcome::compiled);
    EXPECT_NE(asked.response->reason.find("once the device behind it"), std::string::npos);
    EXPECT_EQ(count("entries"), 0U);
    const auto write = [&](const std::string& name, std::chrono::seconds later) {
        const auto path = root_ / name;
        std::ofstream(path) << name;
        fs::last_write_time(path, fs::last_write_time(path) + later);
        // A thread of the session may look at any time.
        fs::rename(path, fs::path(device_.private_directory) / name);
    };
    write("1.blob", std::chrono::seconds(100));
    write("2.cl_cache", std::chrono::seconds(10'000));  // of an inference
    session.keep_late_files();
    const auto store = *session.store();
    const auto kept = store->find(format::Key{*asked.response->key});
    ASSERT_TRUE(kept.manifest);
    EXPECT_EQ(kept.manifest->parts.size(), 2U);
    EXPECT_GE(kept.manifest->compile_ms, 99'000U);
    EXPECT_LT(kept.manifest->compile_ms, 9'000'000U);
    EXPECT_TRUE(said_.empty());
}

TEST_F(AttemptTest, WhatADeviceCompilesBehindAnotherIsKeptWithoutBeingAskedFor) {
    device_.caching = runtime::Caching::directory;
    device_.is_stood_in_for = true;
    Session session(system(), log_, config_);
    const auto asked = ask(session);
    const format::Key key{*asked.response->key};
    const auto store = *session.store();
    {
        // A file is not touched while it is being written.
        std::ofstream file(fs::path(device_.private_directory) / "1.blob");
        file << "a part" << std::flush;
        std::this_thread::sleep_for(3 * Lookout::k_look_first);
        EXPECT_FALSE(store->find(key).manifest);
        file << " and the rest";
    }
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(100);
    auto kept = store->find(key).manifest;
    for (; !kept && std::chrono::steady_clock::now() < limit; kept = store->find(key).manifest) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->total_bytes(), std::string_view("a part and the rest").size());
    // A child of this process does not look at the files of its parent's device either.
    std::ofstream(fs::path(device_.private_directory) / "2.blob") << "more";
    EXPECT_EQ(in_a_child([&] { session.keep_late_files(); }), 0);
    session.keep_late_files();
    EXPECT_EQ(store->find(key).manifest->parts.size(), 2U);
    EXPECT_TRUE(said_.empty());
}

// After the model is ready, a lack of memory only prevents its entry.
TEST_F(AttemptTest, WantOfMemoryWhileAModelIsKeptCostsTheEntryAlone) {
    device_.on_export = [] { throw std::bad_alloc(); };
    EXPECT_EQ(outcome(), Outcome::bypassed);
    EXPECT_NE(reason_.find("Cannot allocate memory"), std::string::npos) << reason_;
    EXPECT_EQ(count("tmp"), 0U);
    device_.on_export = {};
    EXPECT_EQ(outcome(), Outcome::compiled);
    device_.on_import = [] { throw std::bad_alloc(); };
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(count("tmp"), 0U);
}

TEST_F(AttemptTest, AStuckCompilerIsNotWaitedForForEver) {
    std::barrier started(2);
    std::barrier finished(2);
    FakeDevice stuck;
    stuck.on_compile = [&] {
        started.arrive_and_wait();
        finished.arrive_and_wait();
    };
    std::jthread other([&] {
        Session session(system_.system(), log_, config_);
        FakeRequest request(stuck, "x");
        ModelReference reference;
        reference.origin = ModelOrigin::memory;
        (void)serve(session, request, reference);
    });
    started.arrive_and_wait();
    config_.lock_timeout = std::chrono::milliseconds(50);
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_NE(reason_.find("lock timeout"), std::string::npos) << reason_;
    finished.arrive_and_wait();
}

TEST_F(AttemptTest, AWaiterSaysThatItWaited) {
    std::barrier started(2);
    FakeDevice slow;
    slow.on_compile = [&] {
        started.arrive_and_wait();
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    };
    std::jthread other([&] {
        Session session(system_.system(), log_, config_);
        FakeRequest request(slow, "x");
        ModelReference reference;
        reference.origin = ModelOrigin::memory;
        (void)serve(session, request, reference);
    });
    started.arrive_and_wait();
    const auto asked = ask();
    ASSERT_TRUE(asked.response.has_value());
    EXPECT_EQ(asked.response->outcome, Outcome::waited);
    EXPECT_GT(asked.response->timing.wait.value_or(std::chrono::nanoseconds{0}).count(), 0);
    EXPECT_EQ(device_.compiles_done, 0);
}

// Two machines with different drivers that no property distinguishes.
TEST_F(AttemptTest, MachinesThatDifferInWhatTheyNeedEachHaveTheirOwn) {
    device_.needs_more = true;
    for (const auto* const driver : {"driver 1", "driver 2", "driver 3", "driver 4"}) {
        device_.requirements = driver;
        EXPECT_EQ(outcome(), Outcome::compiled) << driver;
    }
    for (int round = 0; round < 2; ++round) {
        for (const auto* const driver : {"driver 2", "driver 1", "driver 4", "driver 3"}) {
            device_.requirements = driver;
            EXPECT_EQ(outcome(), Outcome::loaded) << driver;
            Session session(system_.system(), log_, config_);
            FakeRequest request(device_, "x");
            ModelReference reference;
            reference.origin = ModelOrigin::memory;
            EXPECT_TRUE(explain(session, request, reference)->would_hit) << driver;
        }
    }
    // The number of drivers is unlimited: the last one is replaced.
    device_.requirements = "driver 5";
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(outcome(), Outcome::loaded);
    device_.requirements = "driver 1";
    EXPECT_EQ(outcome(), Outcome::loaded);
    device_.requirements = "driver 4";
    EXPECT_EQ(outcome(), Outcome::compiled);
}

TEST_F(AttemptTest, WhatAnotherMachineLeavesIsFoundWhereItWasKept) {
    device_.needs_more = true;
    device_.requirements = "driver 1";
    EXPECT_EQ(outcome(), Outcome::compiled);
    Session session(system_.system(), log_, config_);
    const auto first = *ask(session).response->key;
    device_.requirements = "driver 2";
    EXPECT_EQ(outcome(), Outcome::compiled);
    ASSERT_TRUE((*session.store())->remove(std::vector{format::Key{first}}));
    EXPECT_EQ(outcome(), Outcome::loaded);
    device_.requirements = "driver 1";
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(*ask().response->key, first);
}

TEST_F(AttemptTest, MachinesThatDifferAndStartTogetherEachKeepTheirOwn) {
    device_.needs_more = true;
    const support::Signal compiles;
    support::Child other([&] {
        device_.requirements = "driver 2";
        device_.on_compile = [&] {
            compiles.raise();
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        };
        EXPECT_EQ(outcome(), Outcome::compiled);
    });
    ASSERT_TRUE(compiles.wait());
    device_.requirements = "driver 1";
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(other.wait(), 0);
    for (const auto* const driver : {"driver 1", "driver 2"}) {
        device_.requirements = driver;
        EXPECT_EQ(outcome(), Outcome::loaded) << driver;
    }
}

TEST_F(AttemptTest, CacheOnlyFailsOnAMissAndReadOnlyWritesNothing) {
    config_.mode = Mode::cache_only;
    EXPECT_FALSE(ask().response.has_value());
    config_.mode = Mode::read_only;
    EXPECT_EQ(outcome(), Outcome::bypassed);
    EXPECT_FALSE(fs::exists(config_.directory));
    config_.mode = Mode::on;
    EXPECT_EQ(outcome(), Outcome::compiled);
    config_.mode = Mode::cache_only;
    EXPECT_EQ(outcome(), Outcome::loaded);
    config_.mode = Mode::refresh;
    EXPECT_EQ(outcome(), Outcome::compiled);
    config_.mode = Mode::off;
    EXPECT_EQ(outcome(), Outcome::bypassed);
}

TEST_F(AttemptTest, EveryRequestIsCountedOnThisMachine) {
    (void)outcome();
    (void)outcome();
    (void)outcome();
    Session session(system_.system(), log_, config_);
    const auto store = session.store();
    ASSERT_TRUE(store.has_value());
    std::map<std::string, std::uint64_t> counts;
    for (const auto& sum : session.state().summarise((*store)->id(), 0)) {
        counts[sum.outcome] += sum.count;
    }
    EXPECT_EQ(counts["compiled"], 1U);
    EXPECT_EQ(counts["loaded"], 2U);
}

TEST_F(AttemptTest, RefusedRequestsAreCountedWithTheirReasons) {
    (void)outcome();
    config_.mode = Mode::cache_only;
    device_.inputs["property.PRECISION"] = "f16";
    EXPECT_FALSE(ask().response.has_value());
    Session session(system_.system(), log_, config_);
    const auto store = session.store();
    ASSERT_TRUE(store.has_value());
    std::map<std::string, std::string> reasons;
    for (const auto& sum : session.state().summarise((*store)->id(), 0)) {
        EXPECT_EQ(sum.count, 1U) << sum.outcome;
        reasons[sum.outcome] = sum.reason;
    }
    ASSERT_EQ(reasons.size(), 2U);
    EXPECT_EQ(reasons["refused"], "it is not kept yet");
}

TEST_F(AttemptTest, WhyNamesTheInputThatDiffers) {
    (void)outcome();
    device_.inputs["property.PRECISION"] = "f16";
    Session session(system_.system(), log_, config_);
    FakeRequest request(device_, "x");
    ModelReference reference;
    reference.origin = ModelOrigin::memory;
    const auto explanation = explain(session, request, reference);
    ASSERT_TRUE(explanation.has_value());
    EXPECT_FALSE(explanation->would_hit);
    ASSERT_EQ(explanation->differences.size(), 1U);
    EXPECT_EQ(explanation->differences[0].input, "property.PRECISION");
    EXPECT_FALSE(explanation->differences[0].kept);
    EXPECT_EQ(explanation->differences[0].asked, "f16");
}

}  // namespace
}  // namespace larder::internal::cache
