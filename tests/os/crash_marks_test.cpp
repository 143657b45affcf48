// os/crash_marks.h: a crash leaves a mark, and no other end of a process does.
#include "os/crash_marks.h"

#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/process.h"
#include "support/temporary_directory.h"

namespace larder::internal::os {
namespace {

constexpr std::uint32_t k_before = 0600;
// The result after a signal from outside, and after every other end without a crash.
constexpr const char* k_no_crash = "";

class CrashMarkTest : public ::testing::Test {
protected:
    CrashMarkTest() : descriptor_(make()) {}
    ~CrashMarkTest() override { ::close(descriptor_); }

    // The state of the file after a child has ended in this way.
    void expect(int status, const std::string& crash, const std::function<void()>& end,
                Crashes crashes = Crashes::faults_and_aborts) {
        support::Child child([&] {
            forbid_core_files();
            const auto mark = CrashMark::place(descriptor_, crashes);
            ASSERT_NE(mark, nullptr);
            end();
        });
        EXPECT_EQ(child.wait(), status);
        expect_told(crash);
    }

    void expect_told(const std::string& crash) {
        EXPECT_EQ(name_of(crash_in(mode_now())), crash);
        if (crash.empty()) {
            EXPECT_EQ(mode_now(), k_before);
        }
        ::fchmod(descriptor_, k_before);
    }

    static void forbid_core_files() {
        const struct rlimit no_core{0, 0};
        ::setrlimit(RLIMIT_CORE, &no_core);
    }

    [[nodiscard]] std::uint32_t mode_now() const {
        struct stat status{};
        ::fstat(descriptor_, &status);
        return status.st_mode & 07777U;
    }

    support::TemporaryDirectory directory_;
    int descriptor_;

private:
    [[nodiscard]] int make() const {
        return ::open((directory_ / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, k_before);
    }
};

TEST(CrashNumber, IsToldByAModeThatNothingElseHas) {
    for (CrashNumber crash = 1; !name_of(crash).empty(); ++crash) {
        EXPECT_EQ(crash_in(mode_of(crash)), crash);
        EXPECT_EQ(mode_of(crash) & 0222U, 0U);
    }
    // Modes of unmarked files, and of file systems with one mode for all files.
    for (const std::uint32_t mode :
         {0444U, 0644U, 0640U, 0600U, 0700U, 0755U, 0777U, 0544U, 0744U, 0555U, 0400U, 0U}) {
        EXPECT_EQ(crash_in(mode), 0U) << mode;
    }
}

// Sanitizers handle crashes themselves.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
TEST_F(CrashMarkTest, IsNotToBeHadWhereCrashesAreHandled) {
    EXPECT_EQ(CrashMark::place(descriptor_, Crashes::faults), nullptr);
}
#else
auto handler_of(int signal) {
    struct sigaction now{};
    EXPECT_EQ(::sigaction(signal, nullptr, &now), 0);
    return now.sa_handler;
}

// The current handlers of all signals that count.
auto handlers_now() {
    std::vector<decltype(handler_of(SIGSEGV))> handlers;
    for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) {
        handlers.push_back(handler_of(signal));
    }
    return handlers;
}

// Beyond the end of a file.
void read_beyond(int descriptor) {
    constexpr std::size_t k_bytes = 1 << 16;
    const auto* const memory =
        static_cast<const char*>(::mmap(nullptr, k_bytes, PROT_READ, MAP_SHARED, descriptor, 0));
    const volatile char byte = memory[k_bytes - 1];
    static_cast<void>(byte);
}

TEST_F(CrashMarkTest, IsLeftByACrash) {
    for (const auto crashes : {Crashes::faults, Crashes::faults_and_aborts}) {
        expect(-SIGSEGV, "SIGSEGV", support::write_nowhere, crashes);
        expect(-SIGBUS, "SIGBUS", [&] { read_beyond(descriptor_); }, crashes);
#if defined(__x86_64__)
        expect(-SIGILL, "SIGILL", [] { __builtin_trap(); }, crashes);
        expect(
            -SIGFPE, "SIGFPE",
            [] {
                asm volatile("xor %%ecx, %%ecx; idivl %%ecx" ::: "ecx");
            },
            crashes);
#endif
    }
    expect(-SIGABRT, "SIGABRT", [] { std::abort(); });
}

TEST_F(CrashMarkTest, IsLeftByAnAbortOnlyWhereThatCounts) {
    expect(-SIGABRT, k_no_crash, [] { std::abort(); }, Crashes::faults);
}

TEST_F(CrashMarkTest, IsNotLeftByASignalThatWasSent) {
    for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) {
        expect(-signal, k_no_crash, [&] {
            ::kill(::getpid(), signal);
            ::pause();
        });
        const support::Signal ready;
        support::Child child([&] {
            forbid_core_files();
            const auto mark = CrashMark::place(descriptor_, Crashes::faults_and_aborts);
            ASSERT_NE(mark, nullptr);
            ready.raise();
            ::pause();
        });
        ASSERT_TRUE(ready.wait());
        ::kill(child.pid(), signal);
        EXPECT_EQ(child.wait(), -signal);
        expect_told(k_no_crash);
    }
}

TEST_F(CrashMarkTest, IsLeftByNothingElse) {
    expect(0, k_no_crash, [] { ::_exit(0); });
    expect(3, k_no_crash, [] { ::_exit(3); });
    for (const int signal : {SIGTERM, SIGINT, SIGKILL, SIGHUP, SIGPIPE}) {
        expect(-signal, k_no_crash, [&] {
            ::raise(signal);
            ::pause();
        });
    }
}

// Threads may crash after a program has destroyed its objects.
TEST_F(CrashMarkTest, IsNotLeftOnceTheProcessExits) {
    support::Child child([&] {
        forbid_core_files();
        std::atexit(support::write_nowhere);
        const auto mark = CrashMark::place(descriptor_, Crashes::faults_and_aborts);
        ASSERT_NE(mark, nullptr);
        std::exit(0);
    });
    EXPECT_EQ(child.wait(), -SIGSEGV);
    expect_told(k_no_crash);
}

TEST_F(CrashMarkTest, EndsWithItself) {
    const auto before = handlers_now();
    {
        const auto first = CrashMark::place(descriptor_, Crashes::faults);
        const auto second = CrashMark::place(descriptor_, Crashes::faults);
        ASSERT_TRUE(first && second);
        EXPECT_NE(handler_of(SIGSEGV), SIG_DFL);
    }
    EXPECT_EQ(handlers_now(), before);
    support::Child child([&] {
        CrashMark::place(descriptor_, Crashes::faults).reset();
        support::write_nowhere();
    });
    EXPECT_EQ(child.wait(), -SIGSEGV);
    EXPECT_EQ(mode_now(), k_before);
}

TEST_F(CrashMarkTest, LeavesTheProgramsHandlersAlone) {
    support::Child child([&] {
        std::signal(SIGFPE, [](int) { ::_exit(7); });
        const auto before = handlers_now();
        EXPECT_EQ(CrashMark::place(descriptor_, Crashes::faults), nullptr);
        EXPECT_EQ(handlers_now(), before);
        ::raise(SIGFPE);
    });
    EXPECT_EQ(child.wait(), 7);
    expect_told(k_no_crash);
    // Also a handler that was installed later, and that stays when the mark is removed.
    support::Child late([&] {
        auto mark = CrashMark::place(descriptor_, Crashes::faults);
        std::signal(SIGSEGV, [](int) { ::_exit(8); });
        mark.reset();
        ::raise(SIGSEGV);
    });
    EXPECT_EQ(late.wait(), 8);
}

TEST_F(CrashMarkTest, OfAParentIsNotItsChilds) {
    const auto mark = CrashMark::place(descriptor_, Crashes::faults);
    ASSERT_NE(mark, nullptr);
    support::Child child(support::write_nowhere);
    EXPECT_EQ(child.wait(), -SIGSEGV);
    EXPECT_EQ(mode_now(), k_before);
}

TEST_F(CrashMarkTest, IsRefusedWhereThereAreTooMany) {
    std::vector<std::unique_ptr<CrashMark>> marks;
    for (auto mark = CrashMark::place(descriptor_, Crashes::faults);
         mark != nullptr && marks.size() < 1000;
         mark = CrashMark::place(descriptor_, Crashes::faults)) {
        marks.push_back(std::move(mark));
    }
    EXPECT_GE(marks.size(), 16U);
    EXPECT_LT(marks.size(), 1000U);
    marks.pop_back();
    EXPECT_NE(CrashMark::place(descriptor_, Crashes::faults), nullptr);
}
#endif

}  // namespace
}  // namespace larder::internal::os
