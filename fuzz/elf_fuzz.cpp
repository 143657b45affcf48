// Kernels of a GPU driver: any bytes.
#include <cstdlib>
#include <string>
#include <vector>

#include "format/elf.h"
#include "fuzz_target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace larder::internal;
    const std::string file(reinterpret_cast<const char*>(data), size);
    // A complete file stays complete with more bytes behind it.
    if (format::is_whole_elf(file) && !format::is_whole_elf(file + "more")) std::abort();
    return 0;
}

std::vector<std::string> fuzz_seeds() {
    using namespace std::string_literals;
    const auto zeros = [](std::size_t count) { return std::string(count, '\0'); };
    // A header, a table of two sections right behind it, and the contents of the second one.
    const auto header =
        "\x7f"
        "ELF\x02\x01"s +
        zeros(34) + "\x40"s + zeros(17) + "\x40\0\x02\0\0\0"s;
    const auto section = zeros(24) + "\xc0"s + zeros(7) + "\x04"s + zeros(31);
    return {header + zeros(64) + section + "code", header + zeros(64) + section, header};
}
