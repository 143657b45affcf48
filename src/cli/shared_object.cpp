#include "cli/shared_object.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <elf.h>
#include <fcntl.h>     // tidy-allow(system-header): libraries of others, nothing of a larder
#include <sys/mman.h>  // tidy-allow(system-header): the same
#include <sys/stat.h>  // tidy-allow(system-header): the same
#include <unistd.h>    // tidy-allow(system-header): the same

namespace larder::cli {
namespace {

// A library has a few dozens.
constexpr std::size_t k_entries_max = 4096;

class MappedFile {
public:
    explicit MappedFile(const std::filesystem::path& path) {
        const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (file < 0) return;
        struct stat status{};
        if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
            const auto size = static_cast<std::size_t>(status.st_size);
            void* const begin = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
            if (begin != MAP_FAILED) bytes_ = {static_cast<const char*>(begin), size};
        }
        (void)close(file);
    }
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    ~MappedFile() {
        if (!bytes_.empty()) (void)munmap(const_cast<char*>(bytes_.data()), bytes_.size());
    }
    [[nodiscard]] std::string_view bytes() const { return bytes_; }

private:
    std::string_view bytes_;
};

template <typename Record>
std::optional<Record> record_at(std::string_view bytes, std::uint64_t offset) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(Record)) return std::nullopt;
    Record record;
    std::memcpy(&record, bytes.data() + offset, sizeof record);
    return record;
}

std::string_view part_of(std::string_view bytes, std::uint64_t offset, std::uint64_t size) {
    return offset > bytes.size() ? std::string_view{} : bytes.substr(offset, size);
}

std::string text_at(std::string_view strings, std::uint64_t offset) {
    const auto begin = part_of(strings, offset, strings.size());
    return std::string(begin.substr(0, begin.find('\0')));
}

std::vector<Elf64_Phdr> segments_of(std::string_view bytes) {
    std::vector<Elf64_Phdr> segments;
    const auto header = record_at<Elf64_Ehdr>(bytes, 0);
    const bool is_library = header && std::memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
                            header->e_ident[EI_CLASS] == ELFCLASS64 &&
                            header->e_phentsize == sizeof(Elf64_Phdr);
    if (!is_library) return segments;
    for (std::uint64_t i = 0; i < header->e_phnum; ++i) {
        const auto segment = record_at<Elf64_Phdr>(bytes, header->e_phoff + i * sizeof(Elf64_Phdr));
        if (segment) segments.push_back(*segment);
    }
    return segments;
}

// Returns where the byte of an address in memory is in the file; the end of the file if nowhere.
std::uint64_t offset_of(std::uint64_t address, const std::vector<Elf64_Phdr>& segments) {
    for (const auto& segment : segments) {
        if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
            address - segment.p_vaddr < segment.p_filesz) {
            return segment.p_offset + (address - segment.p_vaddr);
        }
    }
    return UINT64_MAX;
}

std::string build_id_in(std::string_view notes) {
    constexpr std::string_view k_digits = "0123456789abcdef";
    constexpr auto rounded = [](std::uint64_t size) { return (size + 3) / 4 * 4; };
    while (const auto note = record_at<Elf64_Nhdr>(notes, 0)) {
        const auto name = part_of(notes, sizeof *note, note->n_namesz);
        const auto begin = sizeof *note + rounded(note->n_namesz);
        const auto id = part_of(notes, begin, note->n_descsz);
        if (note->n_type == NT_GNU_BUILD_ID && name == std::string_view("GNU\0", 4)) {
            std::string text;
            for (const char byte : id) {
                text += k_digits[static_cast<unsigned char>(byte) >> 4U];
                text += k_digits[static_cast<unsigned char>(byte) & 15U];
            }
            return text;
        }
        notes = part_of(notes, begin + rounded(note->n_descsz), notes.size());
    }
    return {};
}

// Splits a run path, in which $ORIGIN is the folder of the library.
std::vector<std::filesystem::path> folders_in(std::string text, const std::string& origin) {
    std::vector<std::filesystem::path> folders;
    for (const std::string_view word : {"$ORIGIN", "${ORIGIN}"}) {
        for (auto at = text.find(word); at != std::string::npos;
             at = text.find(word, at + origin.size())) {
            text.replace(at, word.size(), origin);
        }
    }
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto end = std::min(text.find(':', begin), text.size());
        if (end > begin) folders.emplace_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return folders;
}

}  // namespace

std::optional<SharedObject> read_shared_object(const std::filesystem::path& path,
                                               std::string_view symbol) {
    const MappedFile file(path);
    const auto segments = segments_of(file.bytes());
    SharedObject found;
    std::string_view dynamic;
    for (const auto& segment : segments) {
        const auto content = part_of(file.bytes(), segment.p_offset, segment.p_filesz);
        if (segment.p_type == PT_DYNAMIC) dynamic = content;
        if (segment.p_type == PT_NOTE && found.build_id.empty()) {
            found.build_id = build_id_in(content);
        }
    }
    if (dynamic.empty()) return std::nullopt;
    std::vector<Elf64_Dyn> entries;
    std::uint64_t strings_address = 0;
    std::uint64_t strings_size = 0;
    while (entries.size() < k_entries_max) {
        const auto entry = record_at<Elf64_Dyn>(dynamic, entries.size() * sizeof(Elf64_Dyn));
        if (!entry || entry->d_tag == DT_NULL) break;
        entries.push_back(*entry);
        if (entry->d_tag == DT_STRTAB) strings_address = entry->d_un.d_ptr;
        if (entry->d_tag == DT_STRSZ) strings_size = entry->d_un.d_val;
    }
    const auto strings = part_of(file.bytes(), offset_of(strings_address, segments), strings_size);
    for (const auto& entry : entries) {
        const auto text = [&] { return text_at(strings, entry.d_un.d_val); };
        if (entry.d_tag == DT_SONAME) found.name = text();
        if (entry.d_tag == DT_NEEDED) found.needed.push_back(text());
        if (entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH) {
            found.run_path = folders_in(text(), path.parent_path().string());
        }
    }
    found.has_symbol = !symbol.empty() && strings.find(symbol) != std::string_view::npos;
    return found;
}

}  // namespace larder::cli
