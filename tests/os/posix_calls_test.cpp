// Interrupted and shortened system calls.
#include "os/posix_calls.h"

#include <cerrno>
#include <set>

#include <gtest/gtest.h>

#include "support/interrupted_calls.h"
#include "support/temporary_directory.h"

namespace larder::internal::os {
namespace {

TEST(InterruptedCalls, ChangeNothing) {
    const support::TemporaryDirectory directory;
    support::InterruptedCalls calls(3);
    const auto fs = make_posix_file_system(calls);
    const std::string text = "Every call is interrupted, and moves three bytes at most.";
    {
        const auto file = fs->open(directory / "x", OpenMode::create_exclusive);
        ASSERT_TRUE(file);
        ASSERT_TRUE((*file)->write_at(0, std::as_bytes(std::span(text))));
        ASSERT_TRUE((*file)->sync());
    }
    ASSERT_TRUE(fs->sync_directory(directory.path()));
    EXPECT_EQ(read_text(*fs, directory / "x", 1000), text);
    EXPECT_GT(calls.interruptions(), 2 * text.size() / 3);
}

// Fails one kind of call with one errno.
class FailingCalls final : public PosixCalls {
public:
    explicit FailingCalls(int system_errno) : errno_(system_errno) {}

    ssize_t pread(int, void*, std::size_t, off_t) override { return refuse(); }
    ssize_t pwrite(int, const void*, std::size_t, off_t) override { return refuse(); }
    int fsync(int) override {
        ++syncs;
        return refuse();
    }

    int syncs = 0;

private:
    int refuse() const {
        errno = errno_;
        return errno_ == 0 ? 0 : -1;
    }

    int errno_;
};

TEST(FailingCalls, AreReportedAndNotRepeated) {
    const support::TemporaryDirectory directory;
    for (const int error : {EIO, ENOSPC, EDQUOT, EROFS}) {
        FailingCalls calls(error);
        const auto fs = make_posix_file_system(calls);
        const auto file = fs->open(directory / "x", OpenMode::create_or_open);
        std::byte byte{};
        EXPECT_EQ((*file)->write_at(0, {&byte, 1}).error().system_errno, error);
        EXPECT_EQ((*file)->read_at(0, {&byte, 1}).error().system_errno, error);
        EXPECT_EQ((*file)->sync().error().system_errno, error);
        EXPECT_EQ(fs->sync_directory(directory.path()).error().system_errno, error);
        EXPECT_EQ(calls.syncs, 2);
    }
}

TEST(FailingCalls, AWriteThatMovesNothingEnds) {
    const support::TemporaryDirectory directory;
    FailingCalls calls(0);
    const auto fs = make_posix_file_system(calls);
    const auto file = fs->open(directory / "x", OpenMode::create_or_open);
    std::byte byte{};
    EXPECT_EQ((*file)->write_at(0, {&byte, 1}).error().code, Errc::io);
    EXPECT_EQ((*file)->read_at(0, {&byte, 1}).error().code, Errc::damaged);
}

TEST(FailingCalls, ADirectoryThatCannotBeSyncedIsNoFault) {
    const support::TemporaryDirectory directory;
    FailingCalls calls(EINVAL);
    EXPECT_TRUE(make_posix_file_system(calls)->sync_directory(directory.path()));
}

TEST(Offsets, BeyondWhatAFileCanHoldAreRefused) {
    const support::TemporaryDirectory directory;
    const auto fs = make_posix_file_system();
    const auto file = fs->open(directory / "x", OpenMode::create_exclusive);
    std::byte byte{};
    for (const auto offset : {~std::uint64_t{0}, std::uint64_t{1} << 63}) {
        EXPECT_EQ((*file)->write_at(offset, {&byte, 1}).error().code, Errc::no_space);
        EXPECT_EQ((*file)->read_at(offset, {&byte, 1}).error().code, Errc::damaged);
    }
}

}  // namespace
}  // namespace larder::internal::os
