// os/background_thread.h: a thread of larder never harms its program.
#include "os/background_thread.h"

#include <csignal>
#include <future>
#include <new>
#include <stdexcept>

#include <gtest/gtest.h>

#include "support/no_threads.h"

namespace larder::internal::os {
namespace {

TEST(BackgroundThreadTest, IsStoppedByItsDestructor) {
    std::promise<void> begun;
    bool stopped = false;
    {
        BackgroundThread thread;
        ASSERT_TRUE(thread.start([&](const std::stop_token& stop) {
            begun.set_value();
            while (!stop.stop_requested()) std::this_thread::yield();
            stopped = true;
        }));
        begun.get_future().wait();
    }
    EXPECT_TRUE(stopped);
}

TEST(BackgroundThreadTest, EndsAloneWhateverIsThrown) {
    BackgroundThread thread;
    ASSERT_TRUE(thread.start([](const std::stop_token&) { throw std::bad_alloc(); }));
    thread.stop();
    ASSERT_TRUE(thread.start([](const std::stop_token&) { throw std::runtime_error("other"); }));
    thread.stop();
    ASSERT_TRUE(thread.start([](const std::stop_token&) { throw 1; }));
    thread.stop();
    bool ran = false;
    ASSERT_TRUE(thread.start([&](const std::stop_token&) { ran = true; }));
    thread.stop();
    EXPECT_TRUE(ran);
}

TEST(BackgroundThreadTest, ReceivesNoSignals) {
    BackgroundThread thread;
    std::promise<bool> is_blocked;
    ASSERT_TRUE(thread.start([&](const std::stop_token&) {
        sigset_t now;
        is_blocked.set_value(::pthread_sigmask(SIG_BLOCK, nullptr, &now) == 0 &&
                             sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGBUS) == 0);
    }));
    EXPECT_TRUE(is_blocked.get_future().get());
    sigset_t own;
    ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, nullptr, &own), 0);
    EXPECT_EQ(sigismember(&own, SIGTERM), 0);
}

TEST(BackgroundThreadTest, SaysWhereNoneIsToBeHad) {
    const support::NoThreads no_threads;
    BackgroundThread thread;
    EXPECT_FALSE(thread.start([](const std::stop_token&) {}));
}

}  // namespace
}  // namespace larder::internal::os
