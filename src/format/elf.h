// Checks compiled kernels, which are ELF files: the format in which an OpenCL runtime returns
// programs.
#pragma once

#include <string_view>

namespace larder::internal::format {

// Tells whether `file` is a little-endian 64-bit ELF file that ends no earlier than its sections: a
// file that is truncated, or still being written, is not. Does not check the content of the
// sections.
[[nodiscard]] bool is_whole_elf(std::string_view file);

}  // namespace larder::internal::format
