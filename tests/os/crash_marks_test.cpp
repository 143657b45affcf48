// os/crash_marks.h: a crash leaves a mark, and nothing else that ends a process does.
#include "os/crash_marks.h"

#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/process.h"
#include "support/temporary_directory.h"

namespace larder::internal::os {
namespace {

constexpr std::uint32_t k_before = 0600;
constexpr std::uint32_t k_mark = 0744;

class CrashMarkTest : public ::testing::Test {
protected:
    CrashMarkTest() : descriptor_(make()) {}
    ~CrashMarkTest() override { ::close(descriptor_); }

    // What a child makes of the mark by ending so.
    void expect(int status, std::uint32_t mode, const std::function<void()>& end) {
        support::Child child([&] {
            const struct rlimit no_core{0, 0};
            ::setrlimit(RLIMIT_CORE, &no_core);
            const auto mark = CrashMark::place(descriptor_, k_mark);
            ASSERT_NE(mark, nullptr);
            end();
        });
        EXPECT_EQ(child.wait(), status);
        EXPECT_EQ(mode_now(), mode);
        ::fchmod(descriptor_, k_before);
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

// Sanitizers handle crashes themselves.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
TEST_F(CrashMarkTest, IsNotToBeHadWhereCrashesAreHandled) {
    EXPECT_EQ(CrashMark::place(descriptor_, k_mark), nullptr);
}
#else
auto handler_of(int signal) {
    struct sigaction now{};
    EXPECT_EQ(::sigaction(signal, nullptr, &now), 0);
    return now.sa_handler;
}

// As they are, of all signals that count: a write guard may have been here before.
auto handlers_now() {
    std::vector<decltype(handler_of(SIGSEGV))> handlers;
    for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) {
        handlers.push_back(handler_of(signal));
    }
    return handlers;
}

TEST_F(CrashMarkTest, IsLeftByACrash) {
    expect(-SIGSEGV, k_mark, [] {
        volatile int* nowhere = nullptr;
        *nowhere = 1;
    });
    expect(-SIGABRT, k_mark, [] { std::abort(); });
    for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) {
        expect(-signal, k_mark, [&] { ::raise(signal); });
        expect(-signal, k_mark, [&] {
            ::kill(::getpid(), signal);
            ::pause();
        });
    }
}

TEST_F(CrashMarkTest, IsLeftByNothingElse) {
    expect(0, k_before, [] { ::_exit(0); });
    expect(3, k_before, [] { ::_exit(3); });
    for (const int signal : {SIGTERM, SIGINT, SIGKILL, SIGHUP, SIGPIPE}) {
        expect(-signal, k_before, [&] {
            ::raise(signal);
            ::pause();
        });
    }
}

TEST_F(CrashMarkTest, EndsWithItself) {
    const auto before = handlers_now();
    {
        const auto first = CrashMark::place(descriptor_, k_mark);
        const auto second = CrashMark::place(descriptor_, k_mark);
        ASSERT_TRUE(first && second);
        EXPECT_NE(handler_of(SIGSEGV), SIG_DFL);
    }
    EXPECT_EQ(handlers_now(), before);
    support::Child child([&] {
        CrashMark::place(descriptor_, k_mark).reset();
        ::raise(SIGSEGV);
    });
    EXPECT_EQ(child.wait(), -SIGSEGV);
    EXPECT_EQ(mode_now(), k_before);
}

TEST_F(CrashMarkTest, LeavesTheProgramsHandlersAlone) {
    support::Child child([&] {
        std::signal(SIGFPE, [](int) { ::_exit(7); });
        const auto before = handlers_now();
        EXPECT_EQ(CrashMark::place(descriptor_, k_mark), nullptr);
        EXPECT_EQ(handlers_now(), before);
        ::raise(SIGFPE);
    });
    EXPECT_EQ(child.wait(), 7);
    EXPECT_EQ(mode_now(), k_before);
    // Also one that came later, and that stays when the mark goes.
    support::Child late([&] {
        auto mark = CrashMark::place(descriptor_, k_mark);
        std::signal(SIGSEGV, [](int) { ::_exit(8); });
        mark.reset();
        ::raise(SIGSEGV);
    });
    EXPECT_EQ(late.wait(), 8);
}

TEST_F(CrashMarkTest, OfAParentIsNotItsChilds) {
    const auto mark = CrashMark::place(descriptor_, k_mark);
    ASSERT_NE(mark, nullptr);
    support::Child child([] { ::raise(SIGSEGV); });
    EXPECT_EQ(child.wait(), -SIGSEGV);
    EXPECT_EQ(mode_now(), k_before);
}

TEST_F(CrashMarkTest, IsRefusedWhereThereAreTooMany) {
    std::vector<std::unique_ptr<CrashMark>> marks;
    for (auto mark = CrashMark::place(descriptor_, k_mark); mark != nullptr && marks.size() < 1000;
         mark = CrashMark::place(descriptor_, k_mark)) {
        marks.push_back(std::move(mark));
    }
    EXPECT_GE(marks.size(), 16U);
    EXPECT_LT(marks.size(), 1000U);
    marks.pop_back();
    EXPECT_NE(CrashMark::place(descriptor_, k_mark), nullptr);
}
#endif

}  // namespace
}  // namespace larder::internal::os
