// os/system.h.
#include <set>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "os/system.h"
#include "support/process.h"
#include "support/temporary_directory.h"

namespace larder::internal::os {
namespace {

TEST(RealSystem, TellsTimeAndWhereItRuns) {
    const RealSystem real;
    const auto system = real.system();
    const auto before = system.clock.monotonic();
    system.clock.sleep(std::chrono::milliseconds(5));
    EXPECT_GE(system.clock.monotonic() - before, std::chrono::milliseconds(5));
    EXPECT_EQ(system.process.pid, ::getpid());
    EXPECT_FALSE(system.process.boot_id.empty());
    EXPECT_GT(read_memory_info().rss_bytes, 0U);
    EXPECT_GE(read_memory_info().peak_rss_bytes, read_memory_info().rss_bytes / 2);
}

TEST(RealSystem, WallClockIsThatOfTheFileSystem) {
    const RealSystem real;
    const support::TemporaryDirectory directory;
    support::write_file(directory / "x", "x");
    const auto info = real.system().fs.info(directory / "x");
    const auto age = real.system().clock.wall().count() - info->stamp.ctime_ns;
    EXPECT_GE(age, 0);
    EXPECT_LT(age, 10'000'000'000);
}

// A number that repeats after a fork would let two processes use one temporary file.
TEST(RealSystem, EntropyDoesNotRepeatInAChild) {
    const RealSystem real;
    const support::TemporaryDirectory directory;
    static_cast<void>(real.system().entropy.next());
    for (const std::string name : {"a", "b"}) {
        support::Child child([&] {
            support::write_file(directory / name, std::to_string(real.system().entropy.next()));
        });
        ASSERT_EQ(child.wait(), 0);
    }
    EXPECT_NE(support::read_file(directory / "a"), support::read_file(directory / "b"));
    EXPECT_NE(std::to_string(real.system().entropy.next()), support::read_file(directory / "a"));
}

}  // namespace
}  // namespace larder::internal::os
