// Tests that this machine cannot run: without root, or without a mount.
#pragma once

#include <cstdlib>

#include <gtest/gtest.h>

namespace larder::internal::support {

// If everything must run (LARDER_NO_SKIPS, as in CI), a test that does not run has failed.
inline ::testing::TestPartResult::Type result_of_unable() {
    const char* const value = std::getenv("LARDER_NO_SKIPS");
    const bool must_run = value != nullptr && *value != '\0';
    return must_run ? ::testing::TestPartResult::kFatalFailure : ::testing::TestPartResult::kSkip;
}

}  // namespace larder::internal::support

// Like GTEST_SKIP() << "mounting needs root", for tests that another machine could run. Tests that
// a sanitizer or the hardware rules out are skipped everywhere.
#define LARDER_UNABLE()                                                                       \
    return ::testing::internal::AssertHelper(::larder::internal::support::result_of_unable(), \
                                             __FILE__, __LINE__, "cannot be run here:") =     \
               ::testing::Message()
