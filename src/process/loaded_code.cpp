#include "process/loaded_code.h"

#include <cerrno>
#include <limits>

#include <elf.h>
#include <link.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/hex.h"
#include "os/page_size.h"

namespace larder::internal::process {
namespace {

using Address = std::uintptr_t;
using Symbol = ElfW(Sym);

// GNU_HASH of the ELF specification: a header of four words, a Bloom filter, buckets, chains.
constexpr std::uint32_t k_hash_seed = 5381;
constexpr std::uint32_t k_hash_factor = 33;
constexpr std::size_t k_header_words = 4;
// The kernel's size of a signal set.
constexpr std::size_t k_signal_set_bytes = 8;

template <typename T>
const T* at(Address address) {
    return reinterpret_cast<const T*>(address);  // NOLINT(performance-no-int-to-ptr)
}

// Returns the build id in these notes, if there is one.
std::string find_build_id(Address begin, std::size_t size) {
    constexpr std::size_t k_alignment = 4;
    const auto aligned = [](std::size_t bytes) {
        return (bytes + k_alignment - 1) / k_alignment * k_alignment;
    };
    using Note = ElfW(Nhdr);
    for (std::size_t position = 0; position + sizeof(Note) <= size;) {
        const auto& note = *at<Note>(begin + position);
        const auto name = position + sizeof(Note);
        const auto content = name + aligned(note.n_namesz);
        if (content + note.n_descsz > size) break;
        const std::string_view owner(at<char>(begin + name), note.n_namesz);
        if (note.n_type == NT_GNU_BUILD_ID && owner == std::string_view("GNU", sizeof "GNU")) {
            return to_hex({at<unsigned char>(begin + content), note.n_descsz});
        }
        position = content + aligned(note.n_descsz);
    }
    return {};
}

LoadedObject described(const dl_phdr_info& info) {
    LoadedObject object;
    object.path = info.dlpi_name == nullptr ? "" : info.dlpi_name;
    object.begin = std::numeric_limits<Address>::max();
    for (const auto& header : std::span(info.dlpi_phdr, info.dlpi_phnum)) {
        const Address from = info.dlpi_addr + header.p_vaddr;
        if (header.p_type == PT_NOTE && object.build_id.empty()) {
            object.build_id = find_build_id(from, header.p_memsz);
        }
        if (header.p_type != PT_LOAD) continue;
        object.begin = std::min(object.begin, from);
        object.end = std::max<Address>(object.end, from + header.p_memsz);
    }
    return object;
}

// The exported symbols of an object, looked up in the same way as by the loader.
class Exports {
public:
    Exports(const dl_phdr_info& info, const LoadedObject& object) {
        for (const auto& header : std::span(info.dlpi_phdr, info.dlpi_phnum)) {
            if (header.p_type != PT_DYNAMIC) continue;
            const auto* entry = at<ElfW(Dyn)>(info.dlpi_addr + header.p_vaddr);
            for (; entry->d_tag != DT_NULL; ++entry) {
                const Address value = entry->d_un.d_ptr;
                // glibc has relocated it already, other C libraries have not.
                const Address address =
                    value >= object.begin && value < object.end ? value : info.dlpi_addr + value;
                if (entry->d_tag == DT_SYMTAB) symbols_ = at<Symbol>(address);
                if (entry->d_tag == DT_STRTAB) names_ = at<char>(address);
                if (entry->d_tag == DT_GNU_HASH) gnu_hash_ = at<std::uint32_t>(address);
                if (entry->d_tag == DT_HASH) old_hash_ = at<std::uint32_t>(address);
            }
        }
    }

    [[nodiscard]] bool has(std::string_view symbol) const {
        if (symbols_ == nullptr || names_ == nullptr) return false;
        if (gnu_hash_ != nullptr) return is_in_gnu_hash(symbol);
        return old_hash_ != nullptr && is_among_all(symbol);
    }

private:
    [[nodiscard]] bool is(const Symbol& symbol, std::string_view name) const {
        return symbol.st_shndx != SHN_UNDEF && name == names_ + symbol.st_name;
    }
    [[nodiscard]] bool is_in_gnu_hash(std::string_view name) const {
        std::uint32_t hash = k_hash_seed;
        for (const char letter : name) {
            hash = hash * k_hash_factor + static_cast<unsigned char>(letter);
        }
        const std::uint32_t bucket_count = gnu_hash_[0];
        const std::uint32_t first_symbol = gnu_hash_[1];
        const std::uint32_t filter_words = gnu_hash_[2] * (sizeof(Address) / sizeof(hash));
        const auto* const buckets = gnu_hash_ + k_header_words + filter_words;
        const auto* const chains = buckets + bucket_count;
        if (bucket_count == 0) return false;
        std::uint32_t index = buckets[hash % bucket_count];
        if (index < first_symbol) return false;
        for (;; ++index) {
            const std::uint32_t other = chains[index - first_symbol];
            if ((other | 1U) == (hash | 1U) && is(symbols_[index], name)) return true;
            if ((other & 1U) != 0) return false;
        }
    }
    [[nodiscard]] bool is_among_all(std::string_view name) const {
        const std::uint32_t count = old_hash_[1];
        for (std::uint32_t index = 1; index < count; ++index) {
            if (is(symbols_[index], name)) return true;
        }
        return false;
    }

    const Symbol* symbols_ = nullptr;
    const char* names_ = nullptr;
    const std::uint32_t* gnu_hash_ = nullptr;
    const std::uint32_t* old_hash_ = nullptr;
};

template <typename Wanted>
std::vector<LoadedObject> loaded_objects_where(const Wanted& wanted) {
    struct Search {
        const Wanted& wanted;
        std::vector<LoadedObject> found;
    } search{wanted, {}};
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* data) {
            auto& into = *static_cast<Search*>(data);
            auto object = described(*info);
            if (object.begin < object.end && into.wanted(*info, object)) {
                into.found.push_back(std::move(object));
            }
            return 0;
        },
        &search);
    return std::move(search.found);
}

// A system that forbids the call below: the bytes may be those of a freed block.
__attribute__((no_sanitize("address"))) void copy_unchecked(const std::byte* from,
                                                            std::span<std::byte> into) {
    for (auto& byte : into) byte = *from++;
}

}  // namespace

std::vector<LoadedObject> loaded_objects() {
    return loaded_objects_where([](const dl_phdr_info&, const LoadedObject&) { return true; });
}

std::vector<LoadedObject> loaded_objects_that_export(std::string_view symbol) {
    return loaded_objects_where([&](const dl_phdr_info& info, const LoadedObject& object) {
        return Exports(info, object).has(symbol);
    });
}

bool is_readable(const void* address, std::size_t size) {
    const auto begin = reinterpret_cast<Address>(address);
    if (size == 0) return true;
    // The kernel treats a null pointer as no set at all, and would not check the first page.
    if (begin < os::page_bytes() || begin + size < begin) return false;
    const auto is_there = [](Address probe) {
        // The kernel copies the set before it rejects the unknown operation: nothing is changed.
        const long done =
            ::syscall(SYS_rt_sigprocmask, ~0, at<void>(probe), nullptr, k_signal_set_bytes);
        return done == 0 || errno != EFAULT;
    };
    const Address last = begin + size - 1;
    for (Address page = begin & ~(os::page_bytes() - 1); page <= last; page += os::page_bytes()) {
        if (!is_there(page)) return false;
        if (page + os::page_bytes() < page) break;
    }
    return true;
}

bool copy_if_readable(const void* address, std::span<std::byte> into) {
    const iovec to{into.data(), into.size()};
    // The kernel only reads it.
    const iovec from{const_cast<void*>(address), into.size()};
    const auto copied = ::process_vm_readv(::getpid(), &to, 1, &from, 1, 0);
    if (copied >= 0) return static_cast<std::size_t>(copied) == into.size();
    if (errno == EFAULT || !is_readable(address, into.size())) return false;
    copy_unchecked(static_cast<const std::byte*>(address), into);
    return true;
}

}  // namespace larder::internal::process
