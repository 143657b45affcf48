#include "openvino/device_fault.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace larder::internal::openvino {
namespace {

// The OpenCL errors that no input causes: CL_DEVICE_NOT_AVAILABLE,
// CL_MEM_OBJECT_ALLOCATION_FAILURE, CL_OUT_OF_RESOURCES, CL_OUT_OF_HOST_MEMORY,
// CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST.
constexpr std::array k_codes{-2, -4, -5, -6, -14};

// The texts that the plugin writes before such a code.
constexpr std::array<std::string_view, 4> k_before_code{"error code: ", "error: ", "returned ",
                                                        "failed with "};

// The texts that it writes instead of a code.
constexpr std::array<std::string_view, 3> k_without_code{
    "Failed to create program", "out of GPU resources", "buffer allocation failed"};

bool has_code_after(std::string_view message, std::string_view before) {
    for (auto at = message.find(before); at != std::string_view::npos;
         at = message.find(before, at + 1)) {
        int code = 0;
        const auto* const begin = message.data() + at + before.size();
        const auto read = std::from_chars(begin, message.data() + message.size(), code);
        if (read.ec == std::errc() && std::ranges::find(k_codes, code) != k_codes.end()) {
            return true;
        }
    }
    return false;
}

}  // namespace

bool is_fault_of_device(std::string_view message) {
    return std::ranges::any_of(k_before_code,
                               [&](auto before) { return has_code_after(message, before); }) ||
           std::ranges::any_of(k_without_code, [&](auto text) {
               return message.find(text) != std::string_view::npos;
           });
}

}  // namespace larder::internal::openvino
