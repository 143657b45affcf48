// Compiled kernels, which are ELF files: an OpenCL runtime gives programs that form.
#pragma once

#include <string_view>

namespace larder::internal::format {

// Whether `file` is a little-endian ELF file of 64 bits that ends no earlier than its sections: one
// that was cut short, or is still being written, is not. Says nothing of what the sections hold.
[[nodiscard]] bool is_whole_elf(std::string_view file);

}  // namespace larder::internal::format
