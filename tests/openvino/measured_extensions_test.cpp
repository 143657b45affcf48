// openvino/core_extensions.h knows the place of the extensions in the OpenVINO that larder is built
// with, so that no process has to measure it.
#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

#include "openvino/core_extensions.h"

namespace larder::internal::openvino {
namespace {

TEST(CoreExtensions, MeasuredBeforeIsMeasuredAgain) {
    std::string build_id;
    const auto measured = measure_extensions(build_id);
    ASSERT_TRUE(measured);
    const auto known = extensions_measured_before();
    const auto found = std::ranges::find(known, build_id, &MeasuredExtensions::build_id);
    std::ostringstream line;
    line << "MeasuredExtensions{\"" << build_id << "\", " << measured->functions << ", "
         << measured->words << ", " << measured->own << ", " << measured->element_words << "},";
    ASSERT_NE(found, known.end()) << "for src/openvino/core_extensions.cpp: " << line.str();
    EXPECT_EQ(*found, *measured) << "it should be: " << line.str();
}

}  // namespace
}  // namespace larder::internal::openvino
