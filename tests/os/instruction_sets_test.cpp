#include "os/instruction_sets.h"

#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace larder::internal::os {
namespace {

TEST(InstructionSets, AreThoseThatTheCompilerSees) {
#if defined(__x86_64__)
    std::istringstream words(instruction_sets());
    const std::set<std::string> sets{std::istream_iterator<std::string>(words), {}};
    EXPECT_EQ(sets.contains("sse4.2"), __builtin_cpu_supports("sse4.2") != 0);
    EXPECT_EQ(sets.contains("avx"), __builtin_cpu_supports("avx") != 0);
    EXPECT_EQ(sets.contains("avx2"), __builtin_cpu_supports("avx2") != 0);
    EXPECT_EQ(sets.contains("fma"), __builtin_cpu_supports("fma") != 0);
    EXPECT_EQ(sets.contains("avx512f"), __builtin_cpu_supports("avx512f") != 0);
    EXPECT_EQ(sets.contains("avx512bw"), __builtin_cpu_supports("avx512bw") != 0);
    EXPECT_EQ(sets.contains("avx512vnni"), __builtin_cpu_supports("avx512vnni") != 0);
    EXPECT_EQ(sets.contains("avx512bf16"), __builtin_cpu_supports("avx512bf16") != 0);
#endif
}

TEST(InstructionSets, AreTheSameEachTime) { EXPECT_EQ(instruction_sets(), instruction_sets()); }

}  // namespace
}  // namespace larder::internal::os
