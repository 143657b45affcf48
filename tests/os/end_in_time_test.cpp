// os/end_in_time.h: no caller waits for work that takes long.
#include "os/end_in_time.h"

#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "support/no_threads.h"

namespace larder::internal::os {
namespace {

using Steady = std::chrono::steady_clock;

// Far longer than k_end_time, far shorter than for ever.
constexpr std::chrono::seconds k_soon{10};

// A disk that stalls until it is released.
struct Stall {
    std::latch goes_on{1};
    std::atomic<int> ended{0};
};

TEST(EndInTime, WaitsForWhatEnds) {
    auto owned = std::make_shared<int>(1);
    const std::weak_ptr<int> seen = owned;
    bool ran = false;
    // On a busy machine even this may take too long.
    for (int i = 0; i < 100 && !ran; ++i) {
        auto done = std::make_shared<std::atomic<bool>>(false);
        ran = end_in_time([done, owned] { *done = true; }) && *done;
    }
    EXPECT_TRUE(ran);
    owned.reset();
    for (int i = 0; i < 1000 && !seen.expired(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_TRUE(seen.expired());
}

TEST(EndInTime, DoesNotWaitForWhatStalls) {
    constexpr int k_many = 50;
    const auto stall = std::make_shared<Stall>();
    const auto start = Steady::now();
    for (int i = 0; i < k_many; ++i) {
        EXPECT_FALSE(end_in_time([stall] {
            stall->goes_on.wait();
            ++stall->ended;
        }));
    }
    EXPECT_LT(Steady::now() - start, k_soon);
    stall->goes_on.count_down();
    while (stall->ended < k_many) std::this_thread::yield();
}

TEST(EndInTime, DoesNotWaitForTheEndOfWhatItOwns) {
    struct Ends {
        explicit Ends(std::shared_ptr<Stall> on) : stall(std::move(on)) {}
        Ends(const Ends&) = delete;
        Ends& operator=(const Ends&) = delete;
        ~Ends() { stall->goes_on.wait(); }
        std::shared_ptr<Stall> stall;
    };
    const auto stall = std::make_shared<Stall>();
    auto owned = std::make_shared<Ends>(stall);
    const auto start = Steady::now();
    EXPECT_FALSE(end_in_time([ends = std::move(owned)]() mutable { ends.reset(); }));
    EXPECT_LT(Steady::now() - start, k_soon);
    stall->goes_on.count_down();
}

TEST(EndInTime, DropsWhatIsThrown) {
    (void)end_in_time([] { throw std::runtime_error("it cannot end"); });
    (void)end_in_time([] { throw 1; });
}

TEST(EndInTime, IsDoneByTheCallerWhereNoThreadIsToBeHad) {
    const support::NoThreads no_threads;
    const auto caller = std::this_thread::get_id();
    std::thread::id worker;
    EXPECT_TRUE(end_in_time([&] { worker = std::this_thread::get_id(); }));
    EXPECT_EQ(worker, caller);
}

}  // namespace
}  // namespace larder::internal::os
