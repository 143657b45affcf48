// Goal: processes that load one model hold what it is unpacked into once, and never other bytes
// than those that were unpacked.
// Method: a fake runtime whose imports allocate blocks by a library of their own, as the CPU
// plugin's do; sessions of one process, and processes, that load its model at the same time.
#include "cache/weight_sharing.h"

#include <chrono>
#include <thread>

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

TEST_F(WeightSharingTest, TheSecondKeepsAndSharesAndTheFirstFollows) {
    const Elsewhere first(*this, [](Loaded& loaded) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (loaded.mapped() < 3 && std::chrono::steady_clock::now() < until) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        EXPECT_EQ(loaded.mapped(), 3U);
        EXPECT_TRUE(loaded.is_right());
    });
    const auto second = load();
    EXPECT_EQ(second->mapped(), 3U);
    EXPECT_EQ(sharing().shared_bytes, 3 * k_block_bytes);
    EXPECT_EQ(sharing().private_bytes, 0U);
    EXPECT_EQ(sharing().reason, "");
    ASSERT_EQ(entries(true).size(), 1U);
    EXPECT_EQ(unpacked_from(entries(true).front()), entries(false).front().key.hex());
}

TEST_F(WeightSharingTest, WhatOnlyOneProcessHasIsNotKept) {
    const Elsewhere first(*this);
    unpacks_ = {1, 2, 99};
    EXPECT_EQ(load()->mapped(), 2U);
    EXPECT_EQ(sharing().private_bytes, k_block_bytes);
    ASSERT_EQ(entries(true).size(), 1U);
    EXPECT_EQ(entries(true).front().parts.size(), 2U);
    // Now there are two.
    const Elsewhere second(*this);
    EXPECT_EQ(load()->mapped(), 3U);
    EXPECT_EQ(entries(true).front().parts.size(), 3U);
}

TEST_F(WeightSharingTest, AProcessIsNoOtherOneToItself) {
    config_.share = Share::automatic;
    auto session = std::make_unique<Session>(system_.system(), log_, config_);
    auto store = session->store();
    ASSERT_TRUE(store);
    const auto key = format::key_of({{"a", "b"}});
    auto presence = (*store)->announce(key);
    ASSERT_TRUE(presence);
    presence->tell("one\ntwo\n");
    const auto path = presence->path();
    const auto kept = session->keep(*store, std::move(*presence));
    EXPECT_TRUE((*store)->told_by_others(key, session->presence_paths()).empty());
    EXPECT_EQ((*store)->told_by_others(key, {}), (std::vector<std::string>{"one\ntwo\n"}));
    session->tell(path, "3\n");
    EXPECT_EQ((*store)->told_by_others(key, {}).front().substr(0, 2), "3\n");
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
    EXPECT_EQ(entries(true).front().parts.size(), 2U);
}

TEST_F(WeightSharingTest, AnotherModelWithTheSameWeightsSharesTheirFiles) {
    config_.share = Share::on;
    const auto first = load();
    const auto before = objects_of_blocks();
    device_.inputs["property.NAME"] = "another";
    const auto share = std::exchange(config_.share, Share::off);
    auto compiled = make();
    loading_ = compiled.get();
    ASSERT_EQ(compiled->load()->outcome, Outcome::compiled);
    config_.share = share;
    EXPECT_EQ(load()->mapped(), 3U);
    EXPECT_EQ(entries(true).size(), 2U);
    auto after = objects_of_blocks();
    std::ranges::sort(after);
    after.erase(std::unique(after.begin(), after.end()), after.end());
    EXPECT_EQ(after.size(), before.size());
}

TEST_F(WeightSharingTest, ProcessesThatStartTogetherShareOneCopy) {
    constexpr int k_processes = 6;
    std::vector<std::unique_ptr<support::Child>> children;
    for (int i = 0; i < k_processes; ++i) {
        children.push_back(std::make_unique<support::Child>([this] {
            config_.share = Share::on;
            const auto loaded = load();
            EXPECT_EQ(loaded->mapped(), 3U);
        }));
    }
    for (auto& child : children) EXPECT_EQ(child->wait(), 0);
    EXPECT_EQ(entries(true).size(), 1U);
    EXPECT_EQ(temporary_files(), 0U);
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
