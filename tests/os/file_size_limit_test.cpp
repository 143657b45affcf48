// os/file_size_limit.h: a limit on the size of files only makes a write fail. Each test in a
// process of its own.
#include "os/file_size_limit.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <functional>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/file_system.h"
#include "support/process.h"
#include "support/temporary_directory.h"

namespace larder::internal::os {
namespace {

constexpr std::size_t k_limit_bytes = 4096;

class FileSizeLimitTest : public ::testing::Test {
protected:
    static int in_a_limited_process(const std::function<void()>& work) {
        support::Child child([&] {
            struct rlimit limit{};
            ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
            limit.rlim_cur = k_limit_bytes;
            ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
            work();
        });
        return child.wait();
    }

    // A write that goes beyond the limit.
    void expect_too_large() const {
        const auto fs = make_posix_file_system();
        const auto file = fs->open(directory_ / "file", OpenMode::create_or_open);
        ASSERT_TRUE(file);
        const std::vector<std::byte> bytes(2 * k_limit_bytes);
        const auto written = (*file)->write_at(0, bytes);
        ASSERT_FALSE(written);
        EXPECT_EQ(written.error().code, Errc::no_space);
        EXPECT_EQ(written.error().system_errno, EFBIG);
        EXPECT_TRUE((*file)->write_at(0, std::span(bytes).first(k_limit_bytes)));
    }

    support::TemporaryDirectory directory_;
};

TEST_F(FileSizeLimitTest, MakesAWriteFail) {
    EXPECT_EQ(in_a_limited_process([&] {
                  EXPECT_TRUE(is_file_size_limited());
                  expect_too_large();
                  expect_too_large();
              }),
              0);
}

TEST_F(FileSizeLimitTest, LeavesTheProgramsSignalAlone) {
    EXPECT_EQ(in_a_limited_process([&] {
                  std::signal(SIGXFSZ, [](int) { ::_exit(7); });
                  expect_too_large();
                  ::raise(SIGXFSZ);
              }),
              7);
    // The program's own write is not affected.
    EXPECT_EQ(in_a_limited_process([&] {
                  expect_too_large();
                  const std::array<char, 1> byte{};
                  const int file = ::open((directory_ / "other").c_str(), O_RDWR | O_CREAT, 0600);
                  (void)::pwrite(file, byte.data(), byte.size(), k_limit_bytes);
              }),
              -SIGXFSZ);
}

TEST_F(FileSizeLimitTest, LeavesASignalThatWaitsForTheProgram) {
    EXPECT_EQ(in_a_limited_process([&] {
                  sigset_t signals{};
                  sigemptyset(&signals);
                  sigaddset(&signals, SIGXFSZ);
                  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &signals, nullptr), 0);
                  expect_too_large();
                  sigset_t pending{};
                  ASSERT_EQ(::sigpending(&pending), 0);
                  EXPECT_EQ(sigismember(&pending, SIGXFSZ), 0);
                  ::raise(SIGXFSZ);
                  expect_too_large();
                  ASSERT_EQ(::sigpending(&pending), 0);
                  EXPECT_EQ(sigismember(&pending, SIGXFSZ), 1);
                  sigset_t now{};
                  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, nullptr, &now), 0);
                  EXPECT_EQ(sigismember(&now, SIGXFSZ), 1);
              }),
              0);
}

}  // namespace
}  // namespace larder::internal::os
