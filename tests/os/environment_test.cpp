#include "os/environment.h"

#include <array>
#include <cstdlib>

#include <gtest/gtest.h>

namespace larder::internal::os {
namespace {

TEST(Environment, VariablesAreFoundByTheirPrefix) {
    ::setenv("LARDER_TEST_ONE", "1", 1);
    ::setenv("LARDER_TEST_TWO", "a=b", 1);
    ::setenv("LARDER_TESTER", "no", 1);
    const std::array<std::string_view, 2> prefixes{"LARDER_TEST_", "NO_SUCH_"};
    const auto found = environment(prefixes);
    EXPECT_EQ(found, (std::map<std::string, std::string>{{"LARDER_TEST_ONE", "1"},
                                                         {"LARDER_TEST_TWO", "a=b"}}));
    ::unsetenv("LARDER_TEST_ONE");
    EXPECT_EQ(environment(prefixes).size(), 1U);
    EXPECT_TRUE(environment({}).empty());
}

}  // namespace
}  // namespace larder::internal::os
