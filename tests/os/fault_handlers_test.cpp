// os/write_guard.h and os/crash_marks.h among other handlers of SIGSEGV: a fault that is not about
// guarded memory goes where it went before, and a crash is the crash it was. Each in a process of
// its own.
#include <atomic>
#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/crash_marks.h"
#include "os/write_guard.h"
#include "support/private_pages.h"
#include "support/process.h"
#include "support/temporary_directory.h"

namespace larder::internal::os {
namespace {

using support::PrivatePages;

// Seen by the parent of those who count.
struct Counters {
    std::atomic<int> first{0};
    std::atomic<int> second{0};
};

// Handlers know nothing but what is global.
Counters* counters = nullptr;
void* protected_page = nullptr;
struct sigaction before_first{};
struct sigaction before_second{};
sigjmp_buf place_to_go_on;

class FaultHandlersTest : public ::testing::Test {
protected:
    FaultHandlersTest() {
        void* const shared = ::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        counters = new (shared) Counters;
        protected_page = read_only_.bytes().data();
        ::mprotect(protected_page, read_only_.bytes().size(), PROT_READ);
    }
    ~FaultHandlersTest() override { ::munmap(counters, sizeof(Counters)); }

    // How a child ends that begins without any handler; in time.
    static int ending_of(const std::function<void()>& body) {
        support::Child child([&] {
            const struct rlimit no_core{0, 0};
            ::setrlimit(RLIMIT_CORE, &no_core);
            ::alarm(30);
            // Those of sanitizers too, and of guards that were here before.
            for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) {
                std::signal(signal, SIG_DFL);
            }
            body();
        });
        return child.wait();
    }

    static void guard_once(const PrivatePages& pages) {
        ASSERT_TRUE(WriteGuard::over(pages.bytes()));
    }

    // Whether a writer waits for a guard, and goes on.
    static void expect_guarding(const PrivatePages& pages) {
        auto guard = WriteGuard::over(pages.bytes());
        ASSERT_TRUE(guard);
        auto written = std::async(std::launch::async, [&] {
            std::atomic_ref(pages.word()).store(5, std::memory_order_relaxed);
        });
        EXPECT_EQ(written.wait_for(std::chrono::milliseconds{10}), std::future_status::timeout);
        EXPECT_TRUE(guard->end());
        EXPECT_EQ(written.wait_for(std::chrono::seconds{20}), std::future_status::ready);
        EXPECT_EQ(pages.word(), 5U);
    }

    static void write_to_protected() { *static_cast<volatile char*>(protected_page) = 1; }
    static void write_to_unmapped() {
        const PrivatePages gone(1);
        ::munmap(gone.bytes().data(), gone.bytes().size());
        *reinterpret_cast<volatile char*>(gone.bytes().data()) = 1;
    }

    static void set_handler(void (*handler)(int, siginfo_t*, void*), struct sigaction* before,
                            int flags = 0) {
        struct sigaction action{};
        action.sa_sigaction = handler;
        action.sa_flags = SA_SIGINFO | flags;
        ASSERT_EQ(::sigaction(SIGSEGV, &action, before), 0);
    }

    PrivatePages pages_{2};
    PrivatePages read_only_{1};
};

void exit_if_protected(int /*signal*/, siginfo_t* info, void* context) {
    ::_exit(info->si_addr == protected_page && context != nullptr ? 7 : 9);
}

void call_before(const struct sigaction& before, int signal, siginfo_t* info, void* context) {
    if ((before.sa_flags & SA_SIGINFO) != 0) {
        before.sa_sigaction(signal, info, context);
    } else if (before.sa_handler == SIG_DFL) {
        std::signal(signal, SIG_DFL);
    } else {
        before.sa_handler(signal);
    }
}

void call_before_first(int signal, siginfo_t* info, void* context) {
    ++counters->first;
    call_before(before_first, signal, info, context);
}

void call_before_second(int signal, siginfo_t* info, void* context) {
    ++counters->second;
    call_before(before_second, signal, info, context);
}

// As crash reporters do: the fault comes again, and finds who was there before.
void put_back_before_first(int signal, siginfo_t* /*info*/, void* /*context*/) {
    ++counters->first;
    ::sigaction(signal, &before_first, nullptr);
}

TEST_F(FaultHandlersTest, ACrashIsACrash) {
    std::vector<void (*)()> crashes{write_to_protected};
#if !defined(__SANITIZE_THREAD__)
    // ThreadSanitizer puts off what is sent, and may map something of its own anywhere.
    crashes.push_back(write_to_unmapped);
    crashes.push_back([] { static_cast<void>(::raise(SIGSEGV)); });
#endif
    for (const auto& crash : crashes) {
        EXPECT_EQ(ending_of([&] {
                      const auto guard = WriteGuard::over(pages_.bytes());
                      ASSERT_TRUE(guard);
                      crash();
                  }),
                  -SIGSEGV);
        EXPECT_EQ(ending_of([&] {
                      for (int i = 0; i < 3; ++i) guard_once(pages_);
                      crash();
                  }),
                  -SIGSEGV);
    }
}

// The memory was guarded, and is somebody else's now.
TEST_F(FaultHandlersTest, ACrashIsACrashWhereAGuardHasBeen) {
    EXPECT_EQ(ending_of([&] {
                  guard_once(pages_);
                  ::mprotect(pages_.bytes().data(), pages_.bytes().size(), PROT_READ);
                  pages_.word() = 1;
              }),
              -SIGSEGV);
    EXPECT_EQ(ending_of([&] {
                  guard_once(pages_);
                  ::munmap(pages_.bytes().data(), pages_.bytes().size());
                  pages_.word() = 1;
              }),
              -SIGSEGV);
}

TEST_F(FaultHandlersTest, AProgramsHandlerGetsItsFaults) {
    EXPECT_EQ(ending_of([&] {
                  set_handler(exit_if_protected, nullptr);
                  expect_guarding(pages_);
                  const auto guard = WriteGuard::over(pages_.bytes());
                  write_to_protected();
              }),
              7);
    EXPECT_EQ(ending_of([&] {
                  std::signal(SIGSEGV, [](int signal) { ::_exit(signal == SIGSEGV ? 8 : 9); });
                  expect_guarding(pages_);
                  write_to_protected();
              }),
              8);
    EXPECT_EQ(ending_of([&] {
                  set_handler(exit_if_protected, nullptr);
                  guard_once(pages_);
                  write_to_unmapped();
              }),
              9);
}

// As programs do that protect memory of their own to learn who writes to it.
TEST_F(FaultHandlersTest, AProgramsHandlerMayMendTheFault) {
    const auto unprotect = [](int, siginfo_t* info, void*) {
        ++counters->first;
        ::mprotect(info->si_addr, page_bytes(), PROT_READ | PROT_WRITE);
    };
    EXPECT_EQ(ending_of([&] {
                  set_handler(unprotect, nullptr);
                  guard_once(pages_);
                  for (int i = 0; i < 3; ++i) {
                      write_to_protected();
                      ::mprotect(protected_page, page_bytes(), PROT_READ);
                  }
                  // Also where a guard has been before.
                  ::mprotect(pages_.bytes().data(), page_bytes(), PROT_READ);
                  pages_.word() = 1;
                  expect_guarding(pages_);
              }),
              0);
    EXPECT_EQ(counters->first, 4);
}

TEST_F(FaultHandlersTest, AProgramsHandlerMayJumpAway) {
    const auto jump = [](int, siginfo_t*, void*) {
        ++counters->first;
        ::siglongjmp(place_to_go_on, 1);
    };
    EXPECT_EQ(ending_of([&] {
                  set_handler(jump, nullptr);
                  guard_once(pages_);
                  while (counters->first < 3) {
                      if (sigsetjmp(place_to_go_on, 1) == 0) write_to_protected();
                  }
                  expect_guarding(pages_);
              }),
              0);
    EXPECT_EQ(counters->first, 3);
}

TEST_F(FaultHandlersTest, AProgramsHandlerMayWantOneFaultAlone) {
    EXPECT_EQ(ending_of([&] {
                  set_handler([](int, siginfo_t*, void*) { ++counters->first; }, nullptr,
                              static_cast<int>(SA_RESETHAND));
                  guard_once(pages_);
                  write_to_protected();
              }),
              -SIGSEGV);
    EXPECT_EQ(counters->first, 1);
}

TEST_F(FaultHandlersTest, ASignalThatAProgramIgnoresIsIgnored) {
    EXPECT_EQ(ending_of([&] {
                  std::signal(SIGSEGV, SIG_IGN);
                  guard_once(pages_);
                  ::raise(SIGSEGV);
                  ::kill(::getpid(), SIGSEGV);
              }),
              0);
    EXPECT_EQ(ending_of([&] {
                  std::signal(SIGSEGV, SIG_IGN);
                  guard_once(pages_);
                  write_to_protected();
              }),
              -SIGSEGV);
}

TEST_F(FaultHandlersTest, ALaterHandlerMayHandOn) {
    EXPECT_EQ(ending_of([&] {
                  guard_once(pages_);
                  set_handler(call_before_first, &before_first);
                  // It is handed a write to guarded memory, and so is the guard.
                  expect_guarding(pages_);
                  const auto guard = WriteGuard::over(pages_.bytes());
                  write_to_protected();
              }),
              -SIGSEGV);
    EXPECT_EQ(counters->first, 1);
}

TEST_F(FaultHandlersTest, ALaterHandlerMayPutBackWhatWasThere) {
    EXPECT_EQ(ending_of([&] {
                  guard_once(pages_);
                  set_handler(put_back_before_first, &before_first);
                  guard_once(pages_);
                  write_to_protected();
              }),
              -SIGSEGV);
    EXPECT_EQ(counters->first, 1);
}

// A handler from before the first guard hears of what one from after it hands on.
TEST_F(FaultHandlersTest, EarlierHandlersAreNotForgotten) {
    EXPECT_EQ(ending_of([&] {
                  set_handler(exit_if_protected, nullptr);
                  guard_once(pages_);
                  set_handler(call_before_first, &before_first);
                  guard_once(pages_);
                  set_handler(call_before_second, &before_second);
                  guard_once(pages_);
                  write_to_protected();
              }),
              7);
    EXPECT_EQ(counters->first, 1);
    EXPECT_EQ(counters->second, 1);
}

TEST_F(FaultHandlersTest, AHandlerThatWasSetTwiceDoesNotLoop) {
    for (const bool guarded_after : {false, true}) {
        EXPECT_EQ(ending_of([&] {
                      guard_once(pages_);
                      set_handler(call_before_first, &before_first);
                      guard_once(pages_);
                      // Now it would hand on to who hands on to it.
                      set_handler(call_before_first, &before_first);
                      if (guarded_after) guard_once(pages_);
                      write_to_protected();
                  }),
                  -SIGSEGV);
    }
    // Where a guard has been before, a fault is tried again so often.
    EXPECT_LE(counters->first, 3000);
}

// Also while two threads crash at once.
TEST_F(FaultHandlersTest, ACircleEndsForEveryThread) {
    EXPECT_EQ(ending_of([&] {
                  guard_once(pages_);
                  set_handler(call_before_first, &before_first);
                  guard_once(pages_);
                  set_handler(call_before_first, &before_first);
                  std::thread other(write_to_protected);
                  write_to_protected();
                  other.join();
              }),
              -SIGSEGV);
}

// Not once more than it can be sure to make no circle.
TEST_F(FaultHandlersTest, AHandlerThatIsSetAgainAndAgainIsLeftAlone) {
    EXPECT_EQ(ending_of([&] {
                  bool is_refused = false;
                  for (int i = 0; i < 30; ++i) {
                      set_handler(exit_if_protected, nullptr);
                      is_refused = !WriteGuard::over(pages_.bytes());
                      pages_.word() = 1;
                  }
                  EXPECT_TRUE(is_refused);
                  write_to_protected();
              }),
              7);
}

class CrashMarkWithGuardTest : public FaultHandlersTest {
protected:
    static constexpr std::uint32_t k_unmarked = 0600;
    static constexpr std::uint32_t k_marked = 0744;

    CrashMarkWithGuardTest()
        : descriptor_(
              ::open((directory_ / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, k_unmarked)) {}
    ~CrashMarkWithGuardTest() override { ::close(descriptor_); }

    [[nodiscard]] std::unique_ptr<CrashMark> place() const {
        return CrashMark::place(descriptor_, k_marked);
    }
    // Of the file, which is then unmarked again.
    [[nodiscard]] bool is_marked() const {
        struct stat status{};
        ::fstat(descriptor_, &status);
        ::fchmod(descriptor_, k_unmarked);
        return (status.st_mode & 07777U) == k_marked;
    }

    support::TemporaryDirectory directory_;
    int descriptor_;
};

TEST_F(CrashMarkWithGuardTest, CanBePlacedAfterAGuard) {
    EXPECT_EQ(ending_of([&] {
                  guard_once(pages_);
                  const auto mark = place();
                  ASSERT_TRUE(mark);
                  expect_guarding(pages_);
                  write_to_protected();
              }),
              -SIGSEGV);
    EXPECT_TRUE(is_marked());
    EXPECT_EQ(ending_of([&] {
                  const auto guard = WriteGuard::over(pages_.bytes());
                  const auto mark = place();
                  ASSERT_TRUE(guard && mark);
                  ::abort();
              }),
              -SIGABRT);
    EXPECT_TRUE(is_marked());
}

TEST_F(CrashMarkWithGuardTest, IsLeftByACrashAfterAGuard) {
    EXPECT_EQ(ending_of([&] {
                  const auto mark = place();
                  ASSERT_TRUE(mark);
                  expect_guarding(pages_);
                  write_to_protected();
              }),
              -SIGSEGV);
    EXPECT_TRUE(is_marked());
}

TEST_F(CrashMarkWithGuardTest, IsNotLeftByAWriteThatWaits) {
    EXPECT_EQ(ending_of([&] {
                  auto mark = place();
                  expect_guarding(pages_);
                  mark.reset();
                  expect_guarding(pages_);
                  mark = place();
                  ASSERT_TRUE(mark);
                  expect_guarding(pages_);
              }),
              0);
    EXPECT_FALSE(is_marked());
    // The mark's handler is the first to hear of the write.
    EXPECT_EQ(ending_of([&] {
                  guard_once(pages_);
                  auto guard = WriteGuard::over(pages_.bytes());
                  const auto mark = place();
                  ASSERT_TRUE(guard && mark);
                  auto written = std::async(std::launch::async, [&] {
                      std::atomic_ref(pages_.word()).store(1, std::memory_order_relaxed);
                  });
                  EXPECT_EQ(written.wait_for(std::chrono::milliseconds{10}),
                            std::future_status::timeout);
                  guard.reset();
                  written.wait();
                  EXPECT_EQ(pages_.word(), 1U);
              }),
              0);
    EXPECT_FALSE(is_marked());
}

TEST_F(CrashMarkWithGuardTest, IsStillRefusedWhereTheProgramHandlesCrashes) {
    EXPECT_EQ(ending_of([&] {
                  set_handler(exit_if_protected, nullptr);
                  guard_once(pages_);
                  EXPECT_EQ(place(), nullptr);
                  write_to_protected();
              }),
              7);
    EXPECT_FALSE(is_marked());
}

// Marks that come and go never take a handler away that a guard counts on.
TEST_F(CrashMarkWithGuardTest, ComesAndGoesWhileGuardsDo) {
    for (int round = 0; round < 4; ++round) {
        EXPECT_EQ(
            ending_of([&] {
                std::atomic<bool> stop = false;
                std::thread marks([&] {
                    for (int i = 0; i < 200; ++i) EXPECT_TRUE(place());
                });
                std::thread writer([&] {
                    while (!stop)
                        std::atomic_ref(pages_.word()).fetch_add(1, std::memory_order_relaxed);
                });
                for (int i = 0; i < 100; ++i) EXPECT_TRUE(WriteGuard::over(pages_.bytes()));
                marks.join();
                for (int i = 0; i < 10; ++i) EXPECT_TRUE(WriteGuard::over(pages_.bytes()));
                stop = true;
                writer.join();
                EXPECT_TRUE(place());
                write_to_protected();
            }),
            -SIGSEGV);
        EXPECT_FALSE(is_marked());
    }
}

}  // namespace
}  // namespace larder::internal::os
