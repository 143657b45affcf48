// format/elf.h: truncated kernels are distinguished from complete ones.
#include "format/elf.h"

#include <string>

#include <gtest/gtest.h>

#include "samples.h"

namespace larder::internal::format {
namespace {

using namespace std::string_literals;

std::string section(std::uint32_t type, std::uint64_t offset, std::uint64_t size) {
    return little_endian(0, 4) + little_endian(type, 4) + little_endian(0, 16) +
           little_endian(offset, 8) + little_endian(size, 8) + little_endian(0, 24);
}

// The table before the sections, as OpenCL runtimes write it, or behind them.
std::string elf(bool table_in_front) {
    const auto code = "code of a kernel"s;
    const auto table_bytes = std::uint64_t{3} * 64;
    const auto code_at = 64 + (table_in_front ? table_bytes : 0);
    const auto table_at = table_in_front ? 64 : 64 + code.size();
    const auto table = section(0, 0, 0) + section(0xff000008, code_at, code.size()) +
                       section(8, code_at, std::uint64_t{1} << 40);
    const auto header =
        "\x7f"
        "ELF\x02\x01"s +
        little_endian(0, 34) + little_endian(table_at, 8) + little_endian(0, 10) +
        little_endian(64, 2) + little_endian(3, 2) + little_endian(0, 2);
    return header + (table_in_front ? table + code : code + table);
}

TEST(Elf, IsWholeFromItsLastByteOn) {
    for (const bool table_in_front : {true, false}) {
        const auto file = elf(table_in_front);
        EXPECT_TRUE(is_whole_elf(file));
        EXPECT_TRUE(is_whole_elf(file + "more"));
        for (std::size_t bytes = 0; bytes < file.size(); ++bytes) {
            EXPECT_FALSE(is_whole_elf(file.substr(0, bytes))) << bytes;
        }
    }
}

TEST(Elf, NumbersThatOverflowAreNoSections) {
    auto file = elf(true);
    for (const auto at : {40U, 152U, 160U}) {
        auto damaged = file;
        damaged.replace(at, 8, little_endian(~std::uint64_t{0}, 8));
        EXPECT_FALSE(is_whole_elf(damaged)) << at;
    }
    for (const auto at : {4U, 58U, 60U}) {
        auto damaged = file;
        damaged[at] = 0;
        EXPECT_FALSE(is_whole_elf(damaged)) << at;
    }
}

}  // namespace
}  // namespace larder::internal::format
