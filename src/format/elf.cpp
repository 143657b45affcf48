#include "format/elf.h"

#include <cstddef>
#include <cstdint>

namespace larder::internal::format {
namespace {

constexpr std::string_view k_elf_magic{
    "\x7f"
    "ELF\x02\x01",
    6};
constexpr std::size_t k_elf_header_bytes = 64;
constexpr std::size_t k_section_header_bytes = 64;
// Offsets in the header.
constexpr std::size_t k_table_offset_at = 40;
constexpr std::size_t k_entry_bytes_at = 58;
constexpr std::size_t k_sections_at = 60;
// Offsets in an entry of the table.
constexpr std::size_t k_type_at = 4;
constexpr std::size_t k_offset_at = 24;
constexpr std::size_t k_size_at = 32;
constexpr std::uint64_t k_takes_no_bytes = 8;  // SHT_NOBITS

std::uint64_t number_at(std::string_view bytes, std::size_t offset, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) {
        value = value << 8 | static_cast<std::uint8_t>(bytes[offset + i]);
    }
    return value;
}

bool is_within(std::uint64_t offset, std::uint64_t size, std::string_view file) {
    return offset <= file.size() && size <= file.size() - offset;
}

}  // namespace

bool is_whole_elf(std::string_view file) {
    if (file.size() < k_elf_header_bytes || !file.starts_with(k_elf_magic)) return false;
    const auto table = number_at(file, k_table_offset_at, 8);
    const auto sections = number_at(file, k_sections_at, 2);
    if (sections == 0 || number_at(file, k_entry_bytes_at, 2) != k_section_header_bytes ||
        !is_within(table, sections * k_section_header_bytes, file)) {
        return false;
    }
    auto left = file.substr(table, sections * k_section_header_bytes);
    for (; !left.empty(); left.remove_prefix(k_section_header_bytes)) {
        const auto type = number_at(left, k_type_at, 4);
        if (type == k_takes_no_bytes) continue;
        if (!is_within(number_at(left, k_offset_at, 8), number_at(left, k_size_at, 8), file)) {
            return false;
        }
    }
    return true;
}

}  // namespace larder::internal::format
