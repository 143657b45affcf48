// Exceptions for a lost device do not count against a blob; in tests/gpu/faults_test.cpp the plugin
// itself throws them.
#include "openvino/device_fault.h"

#include <gtest/gtest.h>

namespace larder::internal::openvino {
namespace {

TEST(DeviceFault, IsKnownByItsCode) {
    for (const auto* text :
         {"[CL ext] Can not allocate 4096 bytes for USM Device. ptr: 0, error: -4",
          "[GPU] clWaitForEvents, error code: -5 CL_OUT_OF_RESOURCES",
          "[GPU] clWaitForEvents failed with -5 code",
          "[GPU] Command queues builder returned -2 error code",
          "[GPU] Failed to create program during kernel build process",
          "Check failed\n[GPU] clFlush, error code: -14\nat line 7"}) {
        EXPECT_TRUE(is_fault_of_device(text)) << text;
    }
}

TEST(DeviceFault, IsNotWhatABlobIsRefusedFor) {
    for (const auto* text : {"", "[GPU] clBuildProgram, error code: -11 CL_BUILD_PROGRAM_FAILURE",
                             "[GPU] clSetKernelArg, error code: -51 CL_INVALID_ARG_SIZE",
                             "error code: ", "error: four",
                             "The model was compiled with another version of OpenVINO"}) {
        EXPECT_FALSE(is_fault_of_device(text)) << text;
    }
}

}  // namespace
}  // namespace larder::internal::openvino
