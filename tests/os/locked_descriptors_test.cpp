// os/locked_descriptors.h: a child made by fork holds none of its parent's locks, and does no harm.
#include "os/locked_descriptors.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "os/file_system.h"
#include "os/posix_calls.h"
#include "support/process.h"
#include "support/temporary_directory.h"

namespace larder::internal::os {
namespace {

class LockedDescriptorTest : public ::testing::Test {
protected:
    [[nodiscard]] std::unique_ptr<File> must_open(const char* name = "lock") {
        auto file = fs_->open(directory_ / name, OpenMode::create_or_open);
        EXPECT_TRUE(file);
        return std::move(*file);
    }

    support::TemporaryDirectory directory_;
    std::unique_ptr<FileSystem> fs_ = make_posix_file_system();
};

// A program starts another by fork, and is killed while it holds a lock.
TEST_F(LockedDescriptorTest, ALockEndsWithItsHolderAndNotWithAChild) {
    for (const bool locked_before : {true, false}) {
        auto* const grandchild = static_cast<std::atomic<pid_t>*>(
            ::mmap(nullptr, sizeof(std::atomic<pid_t>), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        const support::Signal ready;
        support::Child holder([&] {
            const auto file = must_open();
            if (locked_before) {
                ASSERT_TRUE(file->try_lock());
            }
            if (::fork() == 0) {
                // It has released the lock before fork returns here.
                grandchild->store(::getpid());
                ::pause();
                ::_exit(0);
            }
            while (grandchild->load() == 0) std::this_thread::yield();
            // Also descriptors that were open when the child was made.
            if (!locked_before) {
                ASSERT_TRUE(file->try_lock());
            }
            ready.raise();
            ::pause();
        });
        ASSERT_TRUE(ready.wait());
        const auto file = must_open();
        EXPECT_FALSE(file->try_lock());
        holder.kill();
        holder.wait();
        EXPECT_TRUE(file->try_lock()) << "the grandchild " << grandchild->load() << " has it";
        ::kill(grandchild->load(), SIGKILL);
        ::munmap(grandchild, sizeof(std::atomic<pid_t>));
    }
}

// Opens like the system; directly afterwards another thread of the program could fork.
class ForkingCalls final : public PosixCalls {
public:
    explicit ForkingCalls(unsigned forks) : forks_(forks) {}
    int open(const char* path, int flags, mode_t mode) override {
        const int descriptor = PosixCalls::open(path, flags, mode);
        const int error = errno;
        if (forks_ > 0) {
            --forks_;
            if (::fork() == 0) {
                ::pause();
                ::_exit(0);
            }
        }
        errno = error;
        return descriptor;
    }

private:
    unsigned forks_;
};

TEST_F(LockedDescriptorTest, AChildMadeWhileTheFileIsOpenedHoldsNoLock) {
    auto* const group = static_cast<std::atomic<pid_t>*>(::mmap(nullptr, sizeof(std::atomic<pid_t>),
                                                                PROT_READ | PROT_WRITE,
                                                                MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    for (const auto how : {OpenMode::create_or_open, OpenMode::create_exclusive}) {
        for (const unsigned forks : {1U, 3U}) {
            const auto path =
                directory_ / (std::to_string(static_cast<int>(how)) + "of" + std::to_string(forks));
            const support::Signal ready;
            support::Child holder([&] {
                ::setpgid(0, 0);
                group->store(::getpid());
                ForkingCalls calls(forks);
                const auto file = make_posix_file_system(calls)->open(path, how);
                ASSERT_TRUE(file);
                ASSERT_TRUE((*file)->try_lock());
                ASSERT_TRUE((*file)->write_at(0, std::as_bytes(std::span("x"))));
                ready.raise();
                ::pause();
            });
            ASSERT_TRUE(ready.wait());
            const auto file = fs_->open(path, OpenMode::read_write);
            ASSERT_TRUE(file);
            EXPECT_FALSE((*file)->try_lock());
            holder.kill();
            holder.wait();
            EXPECT_TRUE((*file)->try_lock()) << "a child has it";
            ::kill(-group->load(), SIGKILL);
        }
    }
    ::munmap(group, sizeof(std::atomic<pid_t>));
}

TEST_F(LockedDescriptorTest, WhatAChildDoesWithItHasNoEffect) {
    auto file = must_open();
    ASSERT_TRUE(file->try_lock());
    support::Child child([&] {
        const std::array<std::byte, 4> bytes{};
        EXPECT_TRUE(file->write_at(0, bytes));
        file.reset();
        // The number is free now, and the file that gets it next is not closed.
        auto own = must_open("own");
        EXPECT_TRUE(own->try_lock());
        EXPECT_TRUE(own->write_at(0, bytes));
        EXPECT_FALSE(must_open()->try_lock());
    });
    EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(file->info()->stamp.size_bytes, 0U);
    EXPECT_FALSE(must_open()->try_lock());
    file.reset();
    EXPECT_TRUE(must_open()->try_lock());
}

TEST_F(LockedDescriptorTest, ANumberThatTheProgramUsesForItsOwnStaysItsOwn) {
    const int number = ::open((directory_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    LockedDescriptor noted;
    noted.note(number);
    ::close(number);
    const auto path = directory_ / "program's";
    ASSERT_EQ(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), number);
    support::Child child([&] { EXPECT_EQ(::write(number, "own", 3), 3); });
    EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(::lseek(number, 0, SEEK_END), 3);
    ::close(number);
}

TEST_F(LockedDescriptorTest, MoreThanTheTableHoldsAreStillLocked) {
    constexpr int k_many = 1100;
    std::vector<std::unique_ptr<LockedDescriptor>> noted;
    const int number = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < k_many; ++i) {
        noted.push_back(std::make_unique<LockedDescriptor>());
        noted.back()->note(number);
    }
    const auto file = must_open();
    EXPECT_TRUE(file->try_lock());
    EXPECT_FALSE(must_open()->try_lock());
    noted.clear();
    ::close(number);
}

}  // namespace
}  // namespace larder::internal::os
