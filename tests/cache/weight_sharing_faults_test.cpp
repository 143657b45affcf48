// Goal: no fault of shared files prevents a process from getting its model, or changes its bytes.
// Method: as in weight_sharing_test.cpp, with damage of each kind, full and read-only larders,
// kills, forks, and every I/O call failing in turn.
#include <cerrno>
#include <chrono>
#include <thread>

#include "support/process.h"
#include "weight_sharing_harness.h"

namespace larder::internal::cache {
namespace {

using WeightSharingFaults = WeightSharingTest;

TEST_F(WeightSharingFaults, AChildThatIsForkedMeanwhileEndsByItself) {
    auto loaded = load();
    ASSERT_EQ(loaded->mapped(), 0U);
    for (int i = 0; i < 5; ++i) {
        support::Child child([&] {
            EXPECT_TRUE(loaded->is_right());
            loaded.reset();
            (void)load();
        });
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!child.poll() && std::chrono::steady_clock::now() < until) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        EXPECT_EQ(child.poll(), 0);
    }
}

TEST_F(WeightSharingFaults, DamageCostsNobodyItsBytes) {
    config_.share = Share::on;
    (void)load();
    enum class Damage { overwritten, cut, emptied, gone, other };
    for (const auto damage :
         {Damage::overwritten, Damage::cut, Damage::emptied, Damage::gone, Damage::other}) {
        SCOPED_TRACE(static_cast<int>(damage));
        const auto objects = objects_of_blocks();
        ASSERT_EQ(objects.size(), 3U);
        const auto& path = objects.front();
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        switch (damage) {
            case Damage::overwritten: {
                std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
                file.seekp(k_block_bytes / 2 + 1001);
                file.put('?');
                break;
            }
            case Damage::cut: std::filesystem::resize_file(path, k_block_bytes / 2); break;
            case Damage::emptied: std::filesystem::resize_file(path, 0); break;
            case Damage::gone: std::filesystem::remove(path); break;
            case Damage::other: support::write_file(path, std::string(k_block_bytes, 'x')); break;
        }
        // The bytes of the process are always correct, and damaged files are published again in the
        // end.
        (void)load();
        (void)load();
        EXPECT_EQ(load()->mapped(), 3U);
        auto store = open();
        EXPECT_TRUE(store->verify({})->findings.empty());
    }
}

TEST_F(WeightSharingFaults, RemovalTakesNothingFromWhoHasIt) {
    config_.share = Share::on;
    const auto first = load();
    wait_until_published();
    auto store = open();
    for (const auto unpacked : {true, false}) {
        for (const auto& entry : entries(unpacked)) {
            EXPECT_TRUE(store->remove(std::vector{entry.key}));
        }
    }
    EXPECT_TRUE(objects_of_blocks().empty());
    EXPECT_TRUE(first->is_right());
    EXPECT_EQ(first->mapped(), 0U);
}

TEST_F(WeightSharingFaults, NothingGoesForItUnlessItIsAskedFor) {
    config_.max_size.bytes = k_releasable_blob_bytes + 2 * k_block_bytes;
    const Elsewhere first(*this);
    EXPECT_EQ(load()->mapped(), 0U);
    EXPECT_NE(sharing().reason.find("no room"), std::string::npos) << sharing().reason;
    EXPECT_EQ(entries(false).size(), 1U);
    EXPECT_TRUE(entries(true).empty());
    config_.max_size.bytes += 2 * k_block_bytes;
    EXPECT_EQ(load()->mapped(), 3U);
    EXPECT_EQ(entries(true).size(), 1U);
}

TEST_F(WeightSharingFaults, WhoOnlyReadsSharesWhatIsThere) {
    config_.mode = Mode::read_only;
    config_.share = Share::on;
    EXPECT_EQ(load()->mapped(), 0U);
    config_.mode = Mode::on;
    EXPECT_EQ(load()->mapped(), 3U);
    config_.mode = Mode::read_only;
    EXPECT_EQ(load()->mapped(), 3U);
    unpacks_ = {7, 8, 9};
    EXPECT_EQ(load()->mapped(), 0U);
    EXPECT_EQ(entries(true).front().parts.size(), 3U);
}

// The system may drop pages that it could not write: then other bytes would be read later.
TEST_F(WeightSharingFaults, WhatTheDiskDoesNotTakeIsTheProcesssOwnAgain) {
    StallingFileSystem stalling(faulty_, support::Operation::sync);
    fs_ = &stalling;
    config_.share = Share::on;
    stalling.stall();
    const auto keeper = load();
    const auto other = load();
    for (const auto* one : {keeper.get(), other.get()}) {
        EXPECT_EQ(one->mapped(), 3U);
        EXPECT_FALSE(one->has_own_pages());
    }
    faulty_.fail_all(support::Operation::sync, EIO);
    stalling.go_on();
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    for (const auto* one : {keeper.get(), other.get()}) {
        while (!one->has_own_pages() && std::chrono::steady_clock::now() < until) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        EXPECT_TRUE(one->has_own_pages());
        EXPECT_TRUE(one->is_right());
    }
    faulty_.heal();
    EXPECT_TRUE(entries(true).empty());
}

TEST_F(WeightSharingFaults, AProcessThatIsKilledMeanwhileLeavesNothing) {
    for (int i = 0; i < 8; ++i) {
        const support::Signal begins;
        support::Child child([&] {
            config_.share = Share::on;
            device_.on_warm_up = [&] { begins.raise(); };
            (void)load();
        });
        ASSERT_TRUE(begins.wait());
        std::this_thread::sleep_for(std::chrono::milliseconds(7 * i));
        child.kill();
        (void)child.wait();
        EXPECT_TRUE(load()->is_right());
        // Opening removes leftover files.
        EXPECT_TRUE(open()->verify({})->findings.empty());
        EXPECT_EQ(temporary_files(), 0U);
        auto store = open();
        for (const auto& entry : entries(true)) (void)store->remove(std::vector{entry.key});
    }
}

TEST_F(WeightSharingFaults, NoFaultCostsTheModelOrItsBytes) {
    config_.share = Share::on;
    std::uint64_t calls_of_import = 0;
    const auto on_import = device_.on_import;
    device_.on_import = [&] {
        on_import();
        if (calls_of_import == 0) calls_of_import = faulty_.calls();
    };
    faulty_.reset();
    (void)load();
    // Most calls answer every error in the same way.
    struct Sweep {
        int error;
        std::uint64_t step;
    };
    for (const auto [error, step] : {Sweep{EIO, 1}, Sweep{ENOSPC, 7}}) {
        auto calls_before = calls_of_import;
        for (bool reached = true; reached; calls_before += step) {
            {
                auto store = open();
                for (const auto& entry : entries(true)) (void)store->remove(std::vector{entry.key});
            }
            auto loaded = make();
            loading_ = loaded.get();
            faulty_.fail_once_after(calls_before, error);
            const auto response = loaded->load();
            reached = faulty_.faults() > 0;
            faulty_.heal();
            ASSERT_TRUE(response.has_value()) << calls_before;
            ASSERT_TRUE(loaded->is_right()) << calls_before;
        }
        EXPECT_GT(calls_before, calls_of_import + 50);
        EXPECT_EQ(load()->mapped(), 3U);
    }
}

}  // namespace
}  // namespace larder::internal::cache
