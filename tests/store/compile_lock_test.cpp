// store/disk/compile_lock.h: one holder at a time, over all threads and processes, and no process
// waits for a dead one.
#include "store/disk/compile_lock.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "harness.h"
#include "support/fake_clock.h"
#include "support/process.h"

namespace larder::internal::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using support::Child;
using support::Signal;

class CompileLockTest : public LarderTest {
protected:
    // The steps of a program: look up, wait for the compiling process, look up again, compile.
    void ask(Store& store, const std::string& name) {
        if (store.find(key_of(name)).manifest) return;
        const auto compile_lock = store.compile_lock(key_of(name), seconds(30));
        ASSERT_TRUE(compile_lock) << compile_lock.error().message();
        if (store.find(key_of(name)).manifest) return;
        note_compile(name);
        std::this_thread::sleep_for(milliseconds(50));
        ASSERT_TRUE(store.publish(blob(name)));
    }
    void note_compile(const std::string& name) {
        const int file = ::open((directory_ / "compiles").c_str(),
                                O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        const auto line = name + "\n";
        ASSERT_EQ(::write(file, line.data(), line.size()), static_cast<ssize_t>(line.size()));
        ::close(file);
    }
    std::string compiles() { return support::read_file(directory_ / "compiles"); }
};

TEST_F(CompileLockTest, OthersSeeWhoHoldsItAndWhatFor) {
    EXPECT_TRUE(store_->compile_lock_holders().empty());
    const auto before = machine_.system().clock.wall().count();
    {
        const auto quiet = store_->compile_lock(key_of("x"), seconds(0));
        ASSERT_TRUE(quiet);
        EXPECT_FALSE(store_->compile_lock_holder(key_of("x"))) << "it does not say what for";
        EXPECT_TRUE(store_->is_compile_locked(key_of("x")));
        EXPECT_FALSE(store_->is_compile_locked(key_of("y")));
    }
    Signal holds;
    Signal may_end;
    Child holder([&] {
        const auto compile_lock =
            store_->compile_lock(key_of("x"), seconds(0), std::string(20'000, 'm'));
        ASSERT_TRUE(compile_lock);
        static_cast<void>(store_->compile_lock(key_of("x"), seconds(0), "somebody else"));
        holds.raise();
        ASSERT_TRUE(may_end.wait());
    });
    ASSERT_TRUE(holds.wait());
    const auto seen = store_->compile_lock_holder(key_of("x"));
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->process, holder.pid());
    EXPECT_TRUE(seen->is_of_this_machine);
    EXPECT_EQ(seen->purpose.substr(0, 5), "mmmmm");
    EXPECT_GE(seen->since_ns, before);
    EXPECT_EQ(store_->compile_lock_holders().size(), 1U);
    may_end.raise();
    EXPECT_EQ(holder.wait(), 0);
    EXPECT_TRUE(store_->compile_lock_holders().empty());
    EXPECT_FALSE(store_->is_compile_locked(key_of("x")));
}

TEST_F(CompileLockTest, IsOnlyForOneAndOnlyForItsKey) {
    auto compile_lock = store_->compile_lock(key_of("x"), seconds(0));
    ASSERT_TRUE(compile_lock);
    EXPECT_FALSE(compile_lock->waited());
    EXPECT_EQ(store_->compile_lock(key_of("x"), seconds(0)).error().code, Errc::timed_out);
    EXPECT_TRUE(store_->compile_lock(key_of("y"), seconds(0)));
    {
        const auto moved = std::move(*compile_lock);
        EXPECT_EQ(store_->compile_lock(key_of("x"), seconds(0)).error().code, Errc::timed_out);
    }
    EXPECT_TRUE(store_->compile_lock(key_of("x"), seconds(0)));
    EXPECT_EQ(support::tree_of(larder() + "/locks"), "") << "a lock leaves no file";
}

TEST_F(CompileLockTest, NeverSleepsWhenFreeAndNeverLongerThanToldWhenNot) {
    support::FakeClock clock;
    Machine machine(*fs_, &clock);
    const auto store = machine.must_open(larder());
    const auto compile_lock = store->compile_lock(key_of("x"), seconds(10));
    ASSERT_TRUE(compile_lock);
    EXPECT_EQ(clock.sleeps(), 0U);
    const auto before = clock.monotonic();
    EXPECT_EQ(store->compile_lock(key_of("x"), seconds(0)).error().code, Errc::timed_out);
    EXPECT_EQ(clock.sleeps(), 0U);
    EXPECT_EQ(store->compile_lock(key_of("x"), seconds(10)).error().code, Errc::timed_out);
    EXPECT_EQ(clock.monotonic() - before, seconds(10));
    // Noticed soon, at no cost: at most 20 ms between two checks.
    EXPECT_GE(clock.sleeps(), 500U);
    EXPECT_LE(clock.sleeps(), 510U);
}

// A clock whose sleeps are interrupted by handled signals, as a program's are.
class SignalledClock final : public os::Clock {
public:
    explicit SignalledClock(std::vector<milliseconds> signals) : signals_(std::move(signals)) {}
    std::chrono::nanoseconds wall() override { return clock_.wall(); }
    std::chrono::nanoseconds monotonic() override { return clock_.monotonic(); }
    bool sleep(std::chrono::nanoseconds duration) override {
        const auto before = clock_.monotonic() - start_;
        clock_.sleep(duration);
        const auto after = clock_.monotonic() - start_;
        return std::ranges::any_of(signals_, [&](auto at) { return at >= before && at < after; });
    }

private:
    support::FakeClock clock_;
    std::chrono::nanoseconds start_ = clock_.monotonic();
    std::vector<milliseconds> signals_;
};

TEST_F(CompileLockTest, SignalThatTheProgramHandlesEndsTheWait) {
    SignalledClock clock({milliseconds(3000)});
    Machine machine(*fs_, &clock);
    const auto store = machine.must_open(larder());
    const auto held = store->compile_lock(key_of("x"), seconds(0));
    ASSERT_TRUE(held);
    const auto before = clock.monotonic();
    const auto waited = store->compile_lock(key_of("x"), seconds(600));
    EXPECT_EQ(waited.error().code, Errc::busy) << waited.error().message();
    EXPECT_GE(clock.monotonic() - before, seconds(3));
    EXPECT_LE(clock.monotonic() - before, seconds(4));
}

TEST_F(CompileLockTest, SignalsOfATimerDoNotEndTheWait) {
    std::vector<milliseconds> signals;
    for (int at = 0; at < 10'000; at += 100) signals.emplace_back(at);
    SignalledClock clock(signals);
    Machine machine(*fs_, &clock);
    const auto store = machine.must_open(larder());
    const auto held = store->compile_lock(key_of("x"), seconds(0));
    ASSERT_TRUE(held);
    EXPECT_EQ(store->compile_lock(key_of("x"), seconds(9)).error().code, Errc::timed_out);
}

TEST_F(CompileLockTest, OneOfManyThreadsCompiles) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; ++i) threads.emplace_back([&] { ask(*store_, "x"); });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(compiles(), "x\n");
}

TEST_F(CompileLockTest, OneOfManyProcessesCompiles) {
    for (const std::string name : {"a\n", "b\n", "c\n"}) {
        std::vector<Child> children;
        for (int i = 0; i < 12; ++i) {
            children.emplace_back([&] {
                Machine machine(*fs_);
                const auto store = machine.must_open(larder());
                ask(*store, name.substr(0, 1));
                EXPECT_TRUE(store->find(key_of(name.substr(0, 1))).manifest);
            });
        }
        for (auto& child : children) EXPECT_EQ(child.wait(), 0);
    }
    EXPECT_EQ(compiles(), "a\nb\nc\n");
}

TEST_F(CompileLockTest, TheNextTakesOverFromTheDead) {
    const Signal held;
    Child holder([&] {
        Machine machine(*fs_);
        const auto store = machine.must_open(larder());
        const auto compile_lock = store->compile_lock(key_of("x"), seconds(0));
        ASSERT_TRUE(compile_lock);
        held.raise();
        std::this_thread::sleep_for(seconds(60));
    });
    ASSERT_TRUE(held.wait());
    EXPECT_EQ(store_->compile_lock(key_of("x"), milliseconds(30)).error().code, Errc::timed_out);
    std::thread killer([&] {
        std::this_thread::sleep_for(milliseconds(100));
        holder.kill();
    });
    const auto compile_lock = store_->compile_lock(key_of("x"), seconds(30));
    killer.join();
    ASSERT_TRUE(compile_lock);
    EXPECT_TRUE(compile_lock->waited());
    EXPECT_GT(compile_lock->waited_for(), milliseconds(50));
    EXPECT_LT(compile_lock->waited_for(), seconds(10));
    holder.wait();
}

// The lock file is removed with the lock: a process that has the old file open must not assume that
// it holds the lock.
TEST_F(CompileLockTest, IsNeverHeldByTwoWhileItComesAndGoes) {
    std::atomic<int> inside{0};
    std::atomic<int> compile_locks{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 150; ++n) {
                const auto compile_lock = store_->compile_lock(key_of("x"), seconds(60));
                ASSERT_TRUE(compile_lock) << compile_lock.error().message();
                ASSERT_EQ(++inside, 1);
                ++compile_locks;
                --inside;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(compile_locks, 900);
    EXPECT_EQ(support::tree_of(larder() + "/locks"), "");
}

TEST_F(CompileLockTest, AChildDoesNotReleaseItsParentsCompileLock) {
    auto compile_lock =
        std::make_unique<Result<CompileLock>>(store_->compile_lock(key_of("x"), seconds(0)));
    Child child([&] { compile_lock.reset(); });
    EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(store_->compile_lock(key_of("x"), seconds(0)).error().code, Errc::timed_out);
}

}  // namespace
}  // namespace larder::internal::store
