// os/write_guard.h: writers wait and lose nothing; what else faults goes where it went before
// (tests/os/fault_handlers_test.cpp).
#include "os/write_guard.h"

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/private_pages.h"
#include "support/process.h"

namespace larder::internal::os {
namespace {

using support::PrivatePages;

constexpr std::chrono::seconds k_guard_limit{20};
// Long enough that a writer who does not wait is seen; who is slower than this is not.
constexpr std::chrono::milliseconds k_moment{30};

// Words of guarded memory are accessed relaxed: else ThreadSanitizer holds a lock of its own over
// the write that waits.
std::uint64_t value_of(std::uint64_t& word) {
    return std::atomic_ref(word).load(std::memory_order_relaxed);
}

bool happens(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + k_guard_limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::microseconds{100});
    }
    return true;
}

// Adds one to the first word of every page, over and over.
class Writers {
public:
    Writers(const PrivatePages& pages, std::size_t page_count) {
        for (auto& rounds : rounds_) {
            threads_.emplace_back([&, page_count] {
                while (!stop_) {
                    for (std::size_t i = 0; i < page_count; ++i) {
                        std::atomic_ref(pages.word(i)).fetch_add(1, std::memory_order_relaxed);
                    }
                    ++rounds;
                }
            });
        }
    }
    // How often all of them did it.
    std::uint64_t stop() {
        stop_ = true;
        for (auto& thread : threads_) thread.join();
        std::uint64_t all = 0;
        for (const auto& rounds : rounds_) all += rounds;
        return all;
    }
    // Whether every one of them goes on.
    [[nodiscard]] bool go_on() const {
        std::array<std::uint64_t, k_threads> before{};
        for (std::size_t i = 0; i < k_threads; ++i) before.at(i) = rounds_.at(i);
        return happens([&] {
            for (std::size_t i = 0; i < k_threads; ++i) {
                if (rounds_.at(i) < before.at(i) + 2) return false;
            }
            return true;
        });
    }

private:
    static constexpr std::size_t k_threads = 4;

    std::atomic<bool> stop_ = false;
    std::array<std::atomic<std::uint64_t>, k_threads> rounds_{};
    std::vector<std::thread> threads_;
};

TEST(WriteGuard, NoWriteIsLostAndAllGoOn) {
    constexpr std::size_t k_pages = 3;
    const PrivatePages pages(k_pages);
    Writers writers(pages, k_pages);
    for (int round = 0; round < 40; ++round) {
        auto guard = WriteGuard::over(pages.bytes());
        if (!guard) {
            ADD_FAILURE() << "no guard in round " << round;
            break;
        }
        const auto before = value_of(pages.word(1));
        if (round % 4 == 0) std::this_thread::sleep_for(std::chrono::milliseconds{1});
        EXPECT_EQ(value_of(pages.word(1)), before);
        EXPECT_TRUE(guard->end());
        EXPECT_TRUE(writers.go_on()) << "in round " << round;
    }
    const auto written = writers.stop();
    for (std::size_t i = 0; i < k_pages; ++i) EXPECT_EQ(pages.word(i), written);
}

// Guards that begin and end as fast as they can, of several threads, each its own page.
TEST(WriteGuard, GuardsOfSeveralThreadsDoNotMeet) {
    constexpr std::size_t k_pages = 3;
    const PrivatePages pages(k_pages);
    Writers writers(pages, k_pages);
    std::vector<std::thread> guards;
    for (std::size_t i = 0; i < k_pages; ++i) {
        guards.emplace_back([&, i] {
            for (int round = 0; round < 200; ++round) {
                const auto guard = WriteGuard::over(pages.page(i));
                EXPECT_TRUE(guard);
            }
        });
    }
    for (auto& thread : guards) thread.join();
    EXPECT_TRUE(writers.go_on());
    const auto written = writers.stop();
    for (std::size_t i = 0; i < k_pages; ++i) EXPECT_EQ(pages.word(i), written);
}

TEST(WriteGuard, AWriterWaitsUntilItEnds) {
    const PrivatePages pages(2);
    auto guard = WriteGuard::over(pages.bytes());
    ASSERT_TRUE(guard);
    std::promise<void> begins;
    auto written = std::async(std::launch::async, [&] {
        begins.set_value();
        std::atomic_ref(pages.word(1)).store(7, std::memory_order_relaxed);
    });
    begins.get_future().wait();
    EXPECT_EQ(written.wait_for(k_moment), std::future_status::timeout);
    EXPECT_EQ(value_of(pages.word(1)), 0U);
    EXPECT_TRUE(guard->end());
    EXPECT_EQ(written.wait_for(k_guard_limit), std::future_status::ready);
    EXPECT_EQ(value_of(pages.word(1)), 7U);
}

TEST(WriteGuard, ReadersDoNotNotice) {
    const PrivatePages pages(64, 1);
    const auto guard = WriteGuard::over(pages.bytes());
    ASSERT_TRUE(guard);
    auto read = std::async(std::launch::async, [&] {
        unsigned sum = 0;
        for (const auto byte : pages.bytes()) sum += std::to_integer<unsigned>(byte);
        return sum;
    });
    ASSERT_EQ(read.wait_for(k_guard_limit), std::future_status::ready);
    EXPECT_EQ(read.get(), pages.bytes().size());
}

TEST(WriteGuard, EndsWithItsOwnMemoryAlone) {
    const PrivatePages pages(3);
    auto first = WriteGuard::over(pages.page(0));
    auto last = WriteGuard::over(pages.page(2));
    ASSERT_TRUE(first && last);
    pages.word(1) = 1;
    auto to_first = std::async(std::launch::async, [&] {
        std::atomic_ref(pages.word(0)).store(1, std::memory_order_relaxed);
    });
    auto to_last = std::async(std::launch::async, [&] {
        std::atomic_ref(pages.word(2)).store(1, std::memory_order_relaxed);
    });
    EXPECT_TRUE(first->end());
    EXPECT_EQ(to_first.wait_for(k_guard_limit), std::future_status::ready);
    EXPECT_EQ(to_last.wait_for(k_moment), std::future_status::timeout);
    EXPECT_EQ(value_of(pages.word(2)), 0U);
    EXPECT_TRUE(last->end());
    EXPECT_EQ(to_last.wait_for(k_guard_limit), std::future_status::ready);
}

TEST(WriteGuard, EndsOnce) {
    const PrivatePages pages(1);
    auto guard = WriteGuard::over(pages.bytes());
    ASSERT_TRUE(guard);
    EXPECT_TRUE(guard->end());
    pages.word() = 1;
    auto next = WriteGuard::over(pages.bytes());
    ASSERT_TRUE(next);
    // Of the first, which is no longer anybody's.
    EXPECT_TRUE(guard->end());
    guard.reset();
    auto written = std::async(std::launch::async, [&] {
        std::atomic_ref(pages.word()).store(2, std::memory_order_relaxed);
    });
    EXPECT_EQ(written.wait_for(k_moment), std::future_status::timeout);
    EXPECT_EQ(value_of(pages.word()), 1U);
    next.reset();
    EXPECT_EQ(written.wait_for(k_guard_limit), std::future_status::ready);
}

TEST(WriteGuard, WhatItWasMovedFromDoesNothing) {
    const PrivatePages pages(1);
    auto guard = WriteGuard::over(pages.bytes());
    ASSERT_TRUE(guard);
    auto moved = std::make_optional<WriteGuard>(std::move(*guard));
    EXPECT_TRUE(guard->end());  // NOLINT(bugprone-use-after-move): what it does is the question
    guard.reset();
    auto written = std::async(std::launch::async, [&] {
        std::atomic_ref(pages.word()).store(1, std::memory_order_relaxed);
    });
    EXPECT_EQ(written.wait_for(k_moment), std::future_status::timeout);
    EXPECT_EQ(value_of(pages.word()), 0U);
    moved.reset();
    EXPECT_EQ(written.wait_for(k_guard_limit), std::future_status::ready);
}

TEST(WriteGuard, WhatIsNotMappedIsNotGuarded) {
    const PrivatePages pages(3, 1);
    EXPECT_FALSE(WriteGuard::over({}));
    EXPECT_FALSE(WriteGuard::over(pages.bytes().subspan(1)));
    ::munmap(pages.page(1).data(), page_bytes());
    EXPECT_FALSE(WriteGuard::over(pages.page(1)));
    EXPECT_FALSE(WriteGuard::over(pages.bytes()));
    EXPECT_EQ(::msync(pages.page(1).data(), page_bytes(), MS_ASYNC), -1);
    // Writable, and as they were.
    for (const std::size_t i : {std::size_t{0}, std::size_t{2}}) {
        EXPECT_EQ(pages.word(i), 0x0101010101010101U);
        pages.word(i) = 2;
    }
}

TEST(WriteGuard, AnyNumberCanFollowEachOther) {
    const PrivatePages pages(1);
    for (std::uint64_t i = 0; i < 3000; ++i) {
        ASSERT_TRUE(WriteGuard::over(pages.bytes())) << i;
        pages.word() = i;
    }
}

TEST(WriteGuard, ThereAreOnlySoManyAtOnce) {
    constexpr std::size_t k_many = 1100;
    const PrivatePages pages(k_many);
    std::vector<WriteGuard> guards;
    for (std::size_t i = 0; i < k_many; ++i) {
        if (auto guard = WriteGuard::over(pages.page(i))) guards.push_back(std::move(*guard));
    }
    EXPECT_EQ(guards.size(), 1024U);
    pages.word(k_many - 1) = 1;
    guards.clear();
    for (std::size_t i = 0; i < k_many; ++i) pages.word(i) = 1;
    EXPECT_TRUE(WriteGuard::over(pages.page(k_many - 1)));
}

TEST(WriteGuard, DoesNotHoldAChildThatIsForkedMeanwhile) {
    const PrivatePages pages(1);
    auto guard = WriteGuard::over(pages.bytes());
    ASSERT_TRUE(guard);
    support::Child child([&] {
        ::alarm(20);
        pages.word() = 1;
        EXPECT_TRUE(WriteGuard::over(pages.bytes()));
        pages.word() = 2;
    });
    EXPECT_EQ(child.wait(), 0);
    auto written = std::async(std::launch::async, [&] {
        std::atomic_ref(pages.word()).store(3, std::memory_order_relaxed);
    });
    EXPECT_EQ(written.wait_for(k_moment), std::future_status::timeout);
    EXPECT_EQ(value_of(pages.word()), 0U);
    guard.reset();
    EXPECT_EQ(written.wait_for(k_guard_limit), std::future_status::ready);
}

// A child is forked while other threads begin and end guards.
TEST(WriteGuard, ServesAChildWheneverItWasForked) {
    const PrivatePages pages(2);
    std::atomic<bool> begins = false;
    std::atomic<bool> stop = false;
    std::thread guards([&] {
        while (!stop) {
            static_cast<void>(WriteGuard::over(pages.page(0)));
            begins = true;
        }
    });
    // Sanitizers hold locks of their own while a thread starts, also in who is forked then.
    EXPECT_TRUE(happens([&] { return begins.load(); }));
    for (int i = 0; i < 10; ++i) {
        support::Child child([&] {
            ::alarm(20);
            pages.word(0) = 1;
            EXPECT_TRUE(WriteGuard::over(pages.bytes()));
            pages.word(1) = 1;
        });
        EXPECT_EQ(child.wait(), 0);
    }
    stop = true;
    guards.join();
}

// Waiting is not a place where a thread may end: the write is in the middle of something.
TEST(WriteGuard, AThreadThatIsCancelledWritesFirst) {
    struct Shared {
        PrivatePages pages{1};
        std::atomic<bool> begins{false};
        std::atomic<bool> has_written{false};
    } shared;
    auto guard = WriteGuard::over(shared.pages.bytes());
    ASSERT_TRUE(guard);
    pthread_t thread{};
    const auto body = [](void* argument) -> void* {
        auto& all = *static_cast<Shared*>(argument);
        all.begins = true;
        std::atomic_ref(all.pages.word()).store(1, std::memory_order_relaxed);
        // Ended here it would not get any further; it ends by itself (sanitizers lose count of a
        // thread that is cancelled).
        all.has_written = true;
        ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
        return nullptr;
    };
    ASSERT_EQ(::pthread_create(&thread, nullptr, body, &shared), 0);
    EXPECT_TRUE(happens([&] { return shared.begins.load(); }));
    std::this_thread::sleep_for(k_moment);
    ::pthread_cancel(thread);
    std::this_thread::sleep_for(k_moment);
    EXPECT_TRUE(guard->end());
    ::pthread_join(thread, nullptr);
    EXPECT_TRUE(shared.has_written);
    EXPECT_EQ(shared.pages.word(), 1U);
}

}  // namespace
}  // namespace larder::internal::os
