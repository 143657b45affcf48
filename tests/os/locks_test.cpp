// Whole-file locks: between threads, between processes, and when a process dies.
#include <chrono>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "os/file_system.h"
#include "support/process.h"
#include "support/temporary_directory.h"

namespace larder::internal::os {
namespace {

using support::Child;
using support::Signal;

class LockTest : public ::testing::Test {
protected:
    std::unique_ptr<File> open(OpenMode how = OpenMode::create_or_open) {
        auto file = fs_->open(directory_ / "lock", how);
        EXPECT_TRUE(file);
        return std::move(*file);
    }
    static bool is_busy(const Result<void>& locked) {
        return !locked && locked.error().code == Errc::busy;
    }

    support::TemporaryDirectory directory_;
    std::unique_ptr<FileSystem> fs_ = make_posix_file_system();
};

TEST_F(LockTest, HasOneHolderAlsoInOneProcess) {
    auto first = open();
    auto second = open();
    ASSERT_TRUE(first->try_lock());
    EXPECT_TRUE(is_busy(second->try_lock()));
    EXPECT_TRUE(is_busy(second->try_lock(LockMode::shared)));
    EXPECT_EQ(second->is_locked(), true);
    EXPECT_EQ(first->is_locked(), false) << "by somebody else";
    first.reset();
    EXPECT_EQ(second->is_locked(), false);
    EXPECT_TRUE(second->try_lock());
}

TEST_F(LockTest, IsSharedByReaders) {
    const auto first = open();
    const auto second = open(OpenMode::read);
    const auto third = open();
    ASSERT_TRUE(first->try_lock(LockMode::shared));
    ASSERT_TRUE(second->try_lock(LockMode::shared));
    EXPECT_TRUE(is_busy(third->try_lock()));
    EXPECT_EQ(third->is_locked(), true);
}

TEST_F(LockTest, CanBeLookedAtThroughAFileOpenForReading) {
    const auto holder = open();
    const auto onlooker = open(OpenMode::read);
    EXPECT_EQ(onlooker->is_locked(), false);
    ASSERT_TRUE(holder->try_lock());
    EXPECT_EQ(onlooker->is_locked(), true);
}

// Closing any other descriptor of the file would release a traditional POSIX lock.
TEST_F(LockTest, SurvivesTheClosingOfAnotherFile) {
    const auto holder = open();
    ASSERT_TRUE(holder->try_lock());
    open().reset();
    EXPECT_TRUE(is_busy(open()->try_lock()));
}

TEST_F(LockTest, KeepsOtherProcessesOutUntilTheHolderIsKilled) {
    const Signal locked;
    Child holder([&] {
        const auto file = open();
        ASSERT_TRUE(file->try_lock());
        locked.raise();
        std::this_thread::sleep_for(std::chrono::seconds(60));
    });
    ASSERT_TRUE(locked.wait());
    const auto file = open();
    EXPECT_TRUE(is_busy(file->try_lock()));
    holder.kill();
    EXPECT_LT(holder.wait(), 0);
    EXPECT_TRUE(file->try_lock());
}

TEST_F(LockTest, IsNeitherEndedNorKeptByAChildOfTheHolder) {
    auto file = open();
    ASSERT_TRUE(file->try_lock());
    const Signal go_on;
    Child ends_at_once([&] { file.reset(); });
    EXPECT_EQ(ends_at_once.wait(), 0);
    EXPECT_TRUE(is_busy(open()->try_lock()));
    Child stays([&] { EXPECT_TRUE(go_on.wait()); });
    file.reset();
    EXPECT_TRUE(open()->try_lock()) << "the child keeps it";
    go_on.raise();
    EXPECT_EQ(stays.wait(), 0);
}

TEST_F(LockTest, CountsExactlyAcrossProcesses) {
    support::write_file(directory_ / "counter", "0");
    const auto count = [&] {
        for (int i = 0; i < 50; ++i) {
            auto file = open();
            while (!file->try_lock()) std::this_thread::yield();
            const auto value = std::stoi(support::read_file(directory_ / "counter"));
            support::write_file(directory_ / "counter", std::to_string(value + 1));
        }
    };
    std::vector<Child> children;
    for (int i = 0; i < 4; ++i) children.emplace_back(count);
    for (auto& child : children) EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(support::read_file(directory_ / "counter"), "200");
}

}  // namespace
}  // namespace larder::internal::os
