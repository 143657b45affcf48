// Goal: processes that load one model hold its unpacked weights once, and never other bytes than
// the unpacked ones. Method: a fake runtime whose imports allocate blocks by a library of their
// own, like the CPU plugin; sessions of one process, and several processes, load its model at the
// same time.
#include "cache/sharing/weight_sharing.h"

#include <chrono>
#include <csignal>
#include <thread>

#include <sys/resource.h>

#include "support/process.h"
#include "weight_sharing_harness.h"

namespace larder::internal::cache {
namespace {

TEST_F(WeightSharingTest, WhoIsAloneSharesAndKeepsNothing) {
    const auto first = load();
    EXPECT_EQ(first->mapped(), 0U);
    EXPECT_EQ(sharing().reason, "no other process uses the model");
    EXPECT_EQ(device_.warm_ups_done, 0);
    EXPECT_TRUE(entries(true).empty());
}

TEST_F(WeightSharingTest, TheSecondKeepsAndTheThirdShares) {
    const Elsewhere first(*this);
    auto second = load();
    EXPECT_EQ(second->mapped(), 3U);
    EXPECT_EQ(sharing().private_bytes, 0U);
    second.reset();
    ASSERT_EQ(entries(true).size(), 1U);
    EXPECT_EQ(unpacked_from(entries(true).front()), entries(false).front().key.hex());
    const auto third = load();
    EXPECT_EQ(third->mapped(), 3U);
    EXPECT_EQ(sharing().shared_bytes, 3 * k_block_bytes);
    EXPECT_EQ(sharing().private_bytes, 0U);
    EXPECT_EQ(sharing().reason, "");
}

// Sharing takes a part of the time of a load.
TEST_F(WeightSharingTest, NothingIsSharedWhileMemoryIsPlentiful) {
    config_.available_memory_bytes = 12 * k_releasable_blob_bytes;
    const Elsewhere first(*this);
    {
        const auto second = load();
        EXPECT_EQ(second->mapped(), 0U);
        EXPECT_EQ(sharing().reason, "memory is plentiful; LARDER_SHARE=on shares all the same");
        EXPECT_EQ(device_.warm_ups_done, 0);
        EXPECT_TRUE(entries(true).empty());
    }
    // The more processes, the sooner their copies take a noticeable part.
    const Elsewhere second(*this);
    const Elsewhere third(*this);
    EXPECT_EQ(load()->mapped(), 3U);
}

// Blocks of another model's requests, through the same calls, at the same time.
TEST_F(WeightSharingTest, WhatTheProgramsOtherModelsAllocateIsNeitherReadNorKept) {
    const std::string secret = "PRIVATE DATA OF A USER, EQUAL IN BOTH WORKERS";
    config_.share = Share::on;
    std::vector<std::byte*> others;
    const auto on_import = device_.on_import;
    device_.on_import = [&] {
        std::thread([&] {
            // Looks like weights, and differs from them in only one byte.
            for (const bool is_equal : {true, false}) {
                auto* const block = library_.allocate(k_block_bytes);
                support::fill_with_pattern({block, k_block_bytes}, 1);
                if (!is_equal) std::memcpy(block + k_block_bytes / 2, secret.data(), secret.size());
                others.push_back(block);
            }
        }).join();
        on_import();
    };
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(load()->mapped(), 3U);
        EXPECT_EQ(sharing().shared_bytes, 3 * k_block_bytes);
        EXPECT_EQ(sharing().private_bytes, 0U);
    }
    ASSERT_EQ(entries(true).size(), 1U);
    EXPECT_EQ(entries(true).front().parts.size(), 3U);
    EXPECT_FALSE(is_any_file_with(secret));
    for (std::size_t i = 0; i < others.size(); ++i) {
        EXPECT_FALSE(is_mapped_from_file(others.at(i))) << i;
        library_.free(others.at(i));
    }
}

TEST_F(WeightSharingTest, WhatIsWrittenAfterTheLoadReachesNoDisk) {
    const std::string secret = "PRIVATE DATA THAT WAS WRITTEN INTO WHAT WAS TO BE KEPT";
    StallingFileSystem stalling(faulty_, support::Operation::write);
    fs_ = &stalling;
    config_.share = Share::on;
    config_.keep_limit = std::chrono::seconds(5);
    stalling.stall();
    auto loaded = load();
    EXPECT_EQ(loaded->mapped(), 0U);
    ASSERT_TRUE(stalling.wait_until_stalled());
    for (std::size_t i = 0; i < 3; ++i) {
        auto* const block = loaded->block(i);
        for (std::size_t at = 0; at + secret.size() < k_block_bytes; at += 4096) {
            std::memcpy(block + at, secret.data(), secret.size());
        }
    }
    stalling.go_on();
    loaded.reset();
    EXPECT_FALSE(is_any_file_with(secret));
    EXPECT_TRUE(entries(true).empty());
    EXPECT_EQ(temporary_files(), 0U);
}

// The disk may take any time.
TEST_F(WeightSharingTest, WhatIsNotOnTheDiskYetIsSharedAtOnce) {
    StallingFileSystem stalling(faulty_, support::Operation::sync);
    fs_ = &stalling;
    config_.share = Share::on;
    stalling.stall();
    auto first = load();
    ASSERT_TRUE(stalling.wait_until_stalled());
    EXPECT_EQ(first->mapped(), 3U);
    auto second = load();
    EXPECT_EQ(second->mapped(), 3U);
    EXPECT_TRUE(entries(true).empty());
    EXPECT_EQ(temporary_files("object-"), 3U);
    stalling.go_on();
    wait_until_published();
    EXPECT_EQ(entries(true).size(), 1U);
    EXPECT_TRUE(first->is_right());
    EXPECT_TRUE(second->is_right());
}

TEST_F(WeightSharingTest, AFirstInferenceThatCrashesIsNotTheBlobsFault) {
    support::Child child([this] {
        const struct rlimit no_core{0, 0};
        ::setrlimit(RLIMIT_CORE, &no_core);
        config_.share = Share::on;
        device_.on_warm_up = [] {
            static_cast<void>(std::signal(SIGSEGV, SIG_DFL));
            static_cast<void>(::raise(SIGSEGV));
        };
        (void)load();
    });
    EXPECT_EQ(child.wait(), -SIGSEGV);
    EXPECT_EQ(load()->mapped(), 0U);
}

TEST_F(WeightSharingTest, AProcessIsNoOtherOneToItself) {
    auto session = std::make_unique<Session>(system_.system(), log_, config_);
    auto store = session->store();
    ASSERT_TRUE(store);
    const auto key = format::key_of({{"a", "b"}});
    EXPECT_EQ((*store)->count_announced_by_others(key, {}), 0U);
    auto presence = (*store)->announce(key);
    ASSERT_TRUE(presence);
    // Other processes learn only that it exists.
    EXPECT_EQ(std::filesystem::file_size(presence->path()), 0U);
    auto kept = session->keep(*store, std::move(*presence));
    EXPECT_EQ((*store)->count_announced_by_others(key, session->presence_paths()), 0U);
    EXPECT_EQ((*store)->count_announced_by_others(key, {}), 1U);
    kept.reset();
    EXPECT_EQ((*store)->count_announced_by_others(key, {}), 0U);
}

TEST_F(WeightSharingTest, WhatAnEarlierLarderSharedIsTakenAway) {
    const auto blob = entries(false).front();
    auto inputs = blob.key_inputs;
    inputs["kept.form"] = "unpacked";
    store::Publication publication;
    publication.manifest = unpacked_manifest(blob.key, blob.key_inputs);
    publication.manifest.key_inputs = inputs;
    store::PartSource source;
    source.name = "a";
    source.write = [](store::StagedFile& file) {
        return file.write_at(0, std::as_bytes(std::span(std::string_view("anything"))));
    };
    publication.sources.push_back(source);
    ASSERT_TRUE(open()->publish(publication));
    ASSERT_EQ(entries(true).size(), 1U);
    config_.share = Share::off;
    (void)load();
    EXPECT_TRUE(entries(true).empty());
}

TEST_F(WeightSharingTest, WhatIsKeptIsEnoughForOneAlone) {
    config_.share = Share::on;
    EXPECT_EQ(load()->mapped(), 3U);
    config_.share = Share::automatic;
    EXPECT_EQ(load()->mapped(), 3U);
    EXPECT_EQ(entries(true).size(), 1U);
    EXPECT_EQ(temporary_files(), 0U);
}

TEST_F(WeightSharingTest, SwitchedOffOrTooSmallNothingIsShared) {
    config_.share = Share::off;
    EXPECT_EQ(load()->mapped(), 0U);
    EXPECT_EQ(sharing().reason, "sharing is switched off");
    config_.share = Share::on;
    unpacks_ = {};
    const auto empty = load();
    EXPECT_EQ(sharing().shared_bytes, 0U);
    EXPECT_EQ(sharing().reason, "no block of memory that holds its weights has 1 MiB or more");
    EXPECT_TRUE(entries(true).empty());
}

TEST_F(WeightSharingTest, WhatIsWrittenLaterStaysInItsProcess) {
    config_.share = Share::on;
    const auto first = load();
    const auto second = load();
    std::memset(first->block(1), 7, k_block_bytes);
    EXPECT_TRUE(second->is_right());
    EXPECT_TRUE(load()->is_right());
}

TEST_F(WeightSharingTest, WhatTheFirstInferenceUnpacksIsSharedToo) {
    config_.share = Share::on;
    unpacks_later_ = {4, 5};
    EXPECT_EQ(load()->mapped(), 5U);
    EXPECT_EQ(device_.warm_ups_done, 1);
    EXPECT_EQ(load()->mapped(), 5U);
    EXPECT_EQ(device_.warm_ups_done, 2);
}

TEST_F(WeightSharingTest, WithoutInferenceWhereTheImportHasUnpackedAll) {
    config_.share = Share::on;
    (void)load();
    const int before = device_.warm_ups_done;
    EXPECT_EQ(load()->mapped(), 3U);
    EXPECT_EQ(device_.warm_ups_done, before);
}

TEST_F(WeightSharingTest, AModelThatDoesNotRunOnZerosSharesWhatThereIs) {
    config_.share = Share::on;
    device_.warms_up = false;
    EXPECT_EQ(load()->mapped(), 3U);
}

TEST_F(WeightSharingTest, WhatAnotherNumberOfThreadsUnpacksIsKeptBeside) {
    config_.share = Share::on;
    const auto first = load();
    unpacks_ = {1, 12, 13};
    EXPECT_EQ(load()->mapped(), 3U);
    unpacks_ = {1, 2, 3};
    EXPECT_EQ(load()->mapped(), 3U);
    ASSERT_EQ(entries(true).size(), 1U);
    EXPECT_EQ(entries(true).front().parts.size(), 5U);
}

TEST_F(WeightSharingTest, FormsWithoutEndDoNotPileUp) {
    config_.share = Share::on;
    for (unsigned form = 0; form < 12; ++form) {
        unpacks_ = {100 + form, 200 + form, 300 + form};
        EXPECT_EQ(load()->mapped(), 3U);
    }
    ASSERT_EQ(entries(true).size(), 1U);
    EXPECT_LE(entries(true).front().parts.size(), 12U);
}

TEST_F(WeightSharingTest, MemoryOfOneValueIsNotKept) {
    config_.share = Share::on;
    device_.on_warm_up = [this] { std::memset(loading_->block(2), 0, k_block_bytes); };
    auto loaded = make();
    loading_ = loaded.get();
    ASSERT_TRUE(loaded->load());
    EXPECT_EQ(loaded->mapped(), 2U);
    wait_until_published();
    EXPECT_EQ(entries(true).front().parts.size(), 2U);
}

TEST_F(WeightSharingTest, AnotherModelWithTheSameWeightsSharesTheirFiles) {
    config_.share = Share::on;
    const auto first = load();
    wait_until_published();
    const auto before = objects_of_blocks();
    device_.inputs["property.NAME"] = "another";
    const auto share = std::exchange(config_.share, Share::off);
    auto compiled = make();
    loading_ = compiled.get();
    ASSERT_EQ(compiled->load()->outcome, Outcome::compiled);
    config_.share = share;
    EXPECT_EQ(load()->mapped(), 3U);
    wait_until_published();
    EXPECT_EQ(entries(true).size(), 2U);
    auto after = objects_of_blocks();
    std::ranges::sort(after);
    after.erase(std::unique(after.begin(), after.end()), after.end());
    EXPECT_EQ(after.size(), before.size());
}

TEST_F(WeightSharingTest, ProcessesThatStartTogetherShareOneCopy) {
    constexpr int k_processes = 6;
    for (const auto share : {Share::automatic, Share::on}) {
        std::vector<std::unique_ptr<support::Child>> children;
        children.reserve(k_processes);
        for (int i = 0; i < k_processes; ++i) {
            children.push_back(std::make_unique<support::Child>([&] {
                config_.share = share;
                const auto on_import = device_.on_import;
                device_.on_import = [&] {
                    // Waits for all of them: each has a file that says it loads the model, and one
                    // that says it uses it.
                    while (entries(true).empty() &&
                           temporary_files("user-") < std::size_t{2} * k_processes) {
                        std::this_thread::sleep_for(std::chrono::milliseconds(1));
                    }
                    on_import();
                };
                const auto loaded = load();
                EXPECT_EQ(loaded->mapped(), 3U);
            }));
        }
        for (auto& child : children) EXPECT_EQ(child->wait(), 0);
        EXPECT_EQ(entries(true).size(), 1U);
        EXPECT_EQ(temporary_files(), 0U);
        for (const auto& entry : entries(true)) {
            EXPECT_TRUE(open()->remove(std::vector{entry.key}));
        }
    }
}

TEST(WeightSharingTurns, AreAsManyAsThereAreMemoryAndCoresFor) {
    constexpr std::uint64_t k_bytes = std::uint64_t{4} << 30;
    EXPECT_EQ(WeightSharing::turns(k_bytes, k_bytes / 2, 64), 1U);
    EXPECT_EQ(WeightSharing::turns(k_bytes, 2 * k_bytes, 64), 1U);
    EXPECT_EQ(WeightSharing::turns(k_bytes, 5 * k_bytes, 64), 4U);
    EXPECT_EQ(WeightSharing::turns(k_bytes, 100 * k_bytes, 64), 16U);
    EXPECT_EQ(WeightSharing::turns(k_bytes, 100 * k_bytes, 16), 4U);
    EXPECT_EQ(WeightSharing::turns(k_bytes, 100 * k_bytes, 2), 1U);
    // Nobody tells.
    EXPECT_EQ(WeightSharing::turns(k_bytes, 0, 1024), 16U);
}

}  // namespace
}  // namespace larder::internal::cache
