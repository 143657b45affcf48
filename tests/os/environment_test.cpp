#include "os/environment.h"

#include <array>
#include <cstdlib>

#include <gtest/gtest.h>
#include <unistd.h>

#include "support/process.h"
#include "support/temporary_directory.h"

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

TEST(Environment, TheHomeOfAUserIsFoundWithoutVariables) {
    const support::TemporaryDirectory directory;
    const auto fs = make_posix_file_system();
    const auto file = directory / "passwd";
    EXPECT_EQ(home_of_this_user(*fs, file), "");
    const auto user = std::to_string(::getuid());
    for (const auto& [text, home] : std::map<std::string, std::string>{
             {"", ""},
             {"::::::\n\nx:x\n:::::/no:\n", ""},
             {"a:x:" + user + ":0:\n", ""},
             {"a:x:" + user + "1:0:A:/other:/bin/sh\nb:x:" + user + ":0::/mine:/bin/sh\n", "/mine"},
             {"a:x:" + user + ":0:A:/mine", "/mine"}}) {
        support::write_file(file, text);
        EXPECT_EQ(home_of_this_user(*fs, file), home) << text;
    }
}

}  // namespace
}  // namespace larder::internal::os
