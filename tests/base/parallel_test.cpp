// base/parallel.h: every index is processed once, and every error is reported.
#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <new>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/no_threads.h"

namespace larder::internal {
namespace {

constexpr std::uint64_t k_count = 1'000;

// How often each index is worked on.
std::vector<int> counts_with(unsigned threads) {
    std::vector<std::atomic<int>> counts(k_count);
    EXPECT_TRUE(parallel_for(k_count, threads, [&](std::uint64_t i) -> Result<void> {
        ++counts[i];
        return {};
    }));
    return {counts.begin(), counts.end()};
}

TEST(ParallelFor, DoesEachOnce) {
    for (const unsigned threads : {0U, 1U, 2U, 7U, 2'000U}) {
        EXPECT_EQ(counts_with(threads), std::vector<int>(k_count, 1)) << threads;
    }
    EXPECT_TRUE(parallel_for(
        0, 8, [](std::uint64_t) -> Result<void> { return fail(Errc::io, "never called"); }));
}

TEST(ParallelFor, TellsTheErrorOfAnyThread) {
    for (const unsigned threads : {1U, 4U}) {
        for (const std::uint64_t failing : {std::uint64_t{0}, k_count / 2, k_count - 1}) {
            const auto result =
                parallel_for(k_count, threads, [&](std::uint64_t i) -> Result<void> {
                    if (i == failing) return fail(Errc::io, std::to_string(i));
                    return {};
                });
            ASSERT_FALSE(result) << failing;
            EXPECT_EQ(result.error().what, std::to_string(failing));
        }
    }
}

TEST(ParallelFor, TellsTheFirstOfSeveralErrorsAndBeginsNoMore) {
    std::atomic<int> begun{0};
    std::atomic<int> together{0};
    // All four are begun before any of them fails.
    const auto result = parallel_for(k_count, 4, [&](std::uint64_t i) -> Result<void> {
        ++begun;
        ++together;
        while (together < 4) std::this_thread::yield();
        return fail(Errc::io, std::to_string(i));
    });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().what, "0");
    EXPECT_EQ(begun, 4);
}

TEST(ParallelFor, ThrowsToTheCallerWhatAnyThreadThrows) {
    for (const unsigned threads : {1U, 4U}) {
        for (const std::uint64_t failing : {std::uint64_t{0}, k_count - 1}) {
            const auto work = [&](std::uint64_t i) -> Result<void> {
                if (i == failing) throw std::bad_alloc();
                return {};
            };
            EXPECT_THROW(static_cast<void>(parallel_for(k_count, threads, work)), std::bad_alloc);
        }
    }
}

TEST(ParallelFor, KeepsSignalsAwayFromItsThreads) {
    const auto caller = std::this_thread::get_id();
    const auto blocks = [](int signal) {
        sigset_t now;
        return ::pthread_sigmask(SIG_BLOCK, nullptr, &now) == 0 && sigismember(&now, signal) == 1;
    };
    std::atomic<int> others{0};
    const auto done = parallel_for(8, 4, [&](std::uint64_t) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        const bool is_other = std::this_thread::get_id() != caller;
        others += is_other ? 1 : 0;
        EXPECT_EQ(blocks(SIGINT), is_other);
        EXPECT_EQ(blocks(SIGALRM), is_other);
        EXPECT_FALSE(blocks(SIGSEGV));
        return Result<void>{};
    });
    EXPECT_TRUE(done);
    EXPECT_GT(others, 0);
}

TEST(ParallelFor, RunsOnTheCallersThreadWhereNoOtherIsToBeHad) {
    const support::NoThreads no_threads;
    ASSERT_THROW(std::thread([] {}).detach(), std::system_error);
    std::set<std::thread::id> ids;
    EXPECT_TRUE(parallel_for(k_count, 4, [&](std::uint64_t) -> Result<void> {
        ids.insert(std::this_thread::get_id());
        return {};
    }));
    EXPECT_EQ(ids, std::set{std::this_thread::get_id()});
    EXPECT_EQ(counts_with(4), std::vector<int>(k_count, 1));
}

TEST(Threads, AreAtLeastOneForMemoryAndMoreForADisk) {
    EXPECT_GE(worker_threads(), 1U);
    EXPECT_GE(reader_threads(), std::max(worker_threads(), 4U));
}

}  // namespace
}  // namespace larder::internal
