// os/system.h: how much memory this process may still take.
#include <filesystem>

#include <gtest/gtest.h>

#include "os/system.h"
#include "support/temporary_directory.h"

namespace larder::internal::os {
namespace {

namespace fs = std::filesystem;

class AvailableMemoryTest : public ::testing::Test {
protected:
    void write(const std::string& path, const std::string& text) {
        fs::create_directories((root_.path() / path).parent_path());
        support::write_file(root_.path() / path, text);
    }
    [[nodiscard]] std::uint64_t available() const {
        return read_available_memory_bytes(root_.path());
    }

    support::TemporaryDirectory root_;
};

TEST_F(AvailableMemoryTest, IsSomethingHere) {
    EXPECT_GT(read_available_memory_bytes(), std::uint64_t{1} << 20);
}

TEST_F(AvailableMemoryTest, IsNothingWhereItIsNotTold) {
    EXPECT_EQ(available(), 0U);
    write("proc/meminfo", "MemTotal: 5 kB\nMemAvailable: many\n");
    EXPECT_EQ(available(), 0U);
}

TEST_F(AvailableMemoryTest, IsTheMachinesWithoutALimit) {
    write("proc/meminfo", "MemTotal:      9000 kB\nMemAvailable:   4000 kB\n");
    EXPECT_EQ(available(), 4'096'000U);
    write("proc/self/cgroup", "1:memory:/old\n0::/user/shell\n");
    write("sys/fs/cgroup/user/shell/memory.max", "max\n");
    write("sys/fs/cgroup/user/shell/memory.current", "1000\n");
    EXPECT_EQ(available(), 4'096'000U);
}

TEST_F(AvailableMemoryTest, IsLessInAGroupThatIsLimitedItselfOrFromAbove) {
    write("proc/meminfo", "MemAvailable:   4000 kB\n");
    write("proc/self/cgroup", "0::/user/shell\n");
    write("sys/fs/cgroup/user/shell/memory.max", "3000000\n");
    write("sys/fs/cgroup/user/shell/memory.current", "2000000\n");
    EXPECT_EQ(available(), 1'000'000U);
    write("sys/fs/cgroup/user/shell/memory.stat",
          "anon 1\nfile 7\ninactive_file 400000\nactive_file 100000\n");
    EXPECT_EQ(available(), 1'500'000U) << "page cache is given back";
    write("sys/fs/cgroup/user/memory.max", "4000000\n");
    write("sys/fs/cgroup/user/memory.current", "3900000\n");
    EXPECT_EQ(available(), 100'000U);
    write("sys/fs/cgroup/user/memory.current", "5000000\n");
    EXPECT_EQ(available(), 0U);
}

TEST_F(AvailableMemoryTest, IsThatOfTheRootGroupInAContainer) {
    write("proc/meminfo", "MemAvailable:   4000 kB\n");
    write("proc/self/cgroup", "0::/\n");
    write("sys/fs/cgroup/memory.max", "3000\n");
    write("sys/fs/cgroup/memory.current", "1000\n");
    EXPECT_EQ(available(), 2'000U);
}

}  // namespace
}  // namespace larder::internal::os
