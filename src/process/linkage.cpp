#include "process/linkage.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>
#include <utility>

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>

#include "os/page_size.h"

namespace larder::internal::process {
namespace {

#if defined(__x86_64__) && defined(__LP64__)
constexpr bool k_known_architecture = true;
constexpr std::uint32_t k_bound_data = R_X86_64_GLOB_DAT;
constexpr std::uint32_t k_bound_call = R_X86_64_JUMP_SLOT;
#elif defined(__aarch64__) && defined(__LP64__)
constexpr bool k_known_architecture = true;
constexpr std::uint32_t k_bound_data = R_AARCH64_GLOB_DAT;
constexpr std::uint32_t k_bound_call = R_AARCH64_JUMP_SLOT;
#else
constexpr bool k_known_architecture = false;
constexpr std::uint32_t k_bound_data = ~0U;
constexpr std::uint32_t k_bound_call = ~0U;
#endif

using Address = std::uintptr_t;

struct AddressRange {
    Address begin = 0;
    Address end = 0;

    [[nodiscard]] bool contains(Address address, std::size_t size = 1) const {
        return address >= begin && address < end && end - address >= size;
    }
};

void* pointer_to(Address address) {
    return reinterpret_cast<void*>(address);  // NOLINT(performance-no-int-to-ptr)
}

// The memory of an object, according to its program headers.
struct Image {
    bool found = false;
    Address base = 0;
    Address dynamic = 0;
    std::vector<AddressRange> writable;
    std::vector<AddressRange> executable;
    std::vector<AddressRange> all;
    AddressRange read_only_after_binding;
};

void add_header(Image& image, const ElfW(Phdr) & header) {
    const AddressRange range{image.base + header.p_vaddr,
                             image.base + header.p_vaddr + header.p_memsz};
    switch (header.p_type) {
        case PT_LOAD:
            image.all.push_back(range);
            if ((header.p_flags & PF_W) != 0) image.writable.push_back(range);
            if ((header.p_flags & PF_X) != 0) image.executable.push_back(range);
            break;
        case PT_DYNAMIC: image.dynamic = range.begin; break;
        case PT_GNU_RELRO:
            // Whole pages only, as the loader protects them.
            image.read_only_after_binding = {range.begin & ~(os::page_bytes() - 1),
                                             range.end & ~(os::page_bytes() - 1)};
            break;
        default: break;
    }
}

// Finds the object whose dynamic section is at `dynamic`.
Image find_image(const void* dynamic) {
    struct Search {
        Address dynamic;
        Image image;
    } search{reinterpret_cast<Address>(dynamic), {}};
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* data) {
            auto& wanted = *static_cast<Search*>(data);
            Image image;
            image.base = info->dlpi_addr;
            for (const auto& header : std::span(info->dlpi_phdr, info->dlpi_phnum)) {
                add_header(image, header);
            }
            if (image.dynamic != wanted.dynamic) return 0;
            wanted.image = std::move(image);
            wanted.image.found = true;
            return 1;
        },
        &search);
    return std::move(search.image);
}

bool lies_in(const std::vector<AddressRange>& ranges, Address address, std::size_t size = 1) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const AddressRange& range) { return range.contains(address, size); });
}

// The relevant parts of an object's dynamic section.
struct Dynamic {
    const ElfW(Sym) * symbols = nullptr;
    const char* names = nullptr;
    std::size_t names_size = 0;
    std::span<const ElfW(Rela)> data;
    std::span<const ElfW(Rela)> calls;
};

// Returns the object's memory at `value`, which glibc has relocated already and musl has not; null
// if it is not in the object.
template <typename T>
const T* part_of(const Image& image, Address value, std::size_t size) {
    for (const auto address : {value, image.base + value}) {
        if (lies_in(image.all, address, size)) {
            return reinterpret_cast<const T*>(pointer_to(address));
        }
    }
    return nullptr;
}

Dynamic read_dynamic(const Image& image) {
    Address symbols = 0, names = 0, data = 0, calls = 0;
    std::size_t data_size = 0, calls_size = 0, relative = 0, kind = DT_RELA;
    Dynamic dynamic;
    const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(pointer_to(image.dynamic));
    for (; entry->d_tag != DT_NULL; ++entry) {
        const auto value = entry->d_un.d_val;
        switch (entry->d_tag) {
            case DT_SYMTAB: symbols = value; break;
            case DT_STRTAB: names = value; break;
            case DT_STRSZ: dynamic.names_size = value; break;
            case DT_RELA: data = value; break;
            case DT_RELASZ: data_size = value; break;
            case DT_RELACOUNT: relative = value; break;
            case DT_JMPREL: calls = value; break;
            case DT_PLTRELSZ: calls_size = value; break;
            case DT_PLTREL: kind = value; break;
            default: break;
        }
    }
    if (kind != DT_RELA || symbols == 0 || names == 0) return {};
    dynamic.symbols = part_of<ElfW(Sym)>(image, symbols, sizeof(ElfW(Sym)));
    dynamic.names = part_of<char>(image, names, dynamic.names_size);
    if (const auto* first = part_of<ElfW(Rela)>(image, data, data_size); data != 0 && first) {
        const auto count = data_size / sizeof(ElfW(Rela));
        // Linkers put relocations without a symbol first: a hundred thousand of them in a plugin.
        dynamic.data = std::span(first, count).subspan(std::min(relative, count));
    }
    if (const auto* first = part_of<ElfW(Rela)>(image, calls, calls_size); calls != 0 && first) {
        dynamic.calls = std::span(first, calls_size / sizeof(ElfW(Rela)));
    }
    return dynamic;
}

class SlotSearch {
public:
    SlotSearch(const Image& image, const Dynamic& dynamic,
               const std::vector<std::string_view>& functions)
        : image_(image), dynamic_(dynamic), functions_(functions) {}

    void look(std::span<const ElfW(Rela)> relocations, std::uint32_t wanted) {
        for (const auto& relocation : relocations) {
            if (ELF64_R_TYPE(relocation.r_info) != wanted || relocation.r_addend != 0) continue;
            const auto index = ELF64_R_SYM(relocation.r_info);
            if (index == 0) continue;
            const auto& symbol = dynamic_.symbols[index];
            // Ignores symbol versions: there is one malloc.
            if (symbol.st_shndx != SHN_UNDEF || symbol.st_name >= dynamic_.names_size) continue;
            const std::string_view name = dynamic_.names + symbol.st_name;
            const auto found = std::find(functions_.begin(), functions_.end(), name);
            if (found == functions_.end()) continue;
            // A symbol that is not defined here, but has an address, has a stub.
            void* const plt_entry =
                symbol.st_value != 0 ? pointer_to(image_.base + symbol.st_value) : nullptr;
            add(image_.base + relocation.r_offset, *found, plt_entry);
        }
    }

    [[nodiscard]] std::vector<ImportSlot> take() { return std::move(slots_); }

private:
    void add(Address address, std::string_view function, void* plt_entry) {
        if (address % sizeof(void*) != 0 || !lies_in(image_.writable, address, sizeof(void*))) {
            return;
        }
        auto** const slot = static_cast<void**>(pointer_to(address));
        // A slot that is bound lazily holds the address of a stub of the object's own. Atomic,
        // because another scope may be writing there.
        const auto held = reinterpret_cast<Address>(std::atomic_ref(*slot).load());
        slots_.emplace_back(slot, function, plt_entry,
                            image_.read_only_after_binding.contains(address),
                            lies_in(image_.executable, held));
    }

    const Image& image_;
    const Dynamic& dynamic_;
    const std::vector<std::string_view>& functions_;
    std::vector<ImportSlot> slots_;
};

bool has_name(std::string_view path, std::string_view name) {
    const auto file = path.substr(path.rfind('/') + 1);
    if (!file.starts_with(name)) return false;
    return file.size() == name.size() || file[name.size()] == '.';
}

}  // namespace

LoadedLibrary::LoadedLibrary(LoadedLibrary&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)) {}

LoadedLibrary::~LoadedLibrary() {
    if (handle_ != nullptr) ::dlclose(handle_);
}

std::vector<LoadedLibrary> LoadedLibrary::find(std::string_view name) {
    struct Search {
        std::string_view name;
        std::vector<std::string> paths;
    } search{name, {}};
    // The loader is locked inside the callback, which must not call it.
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* data) {
            auto& wanted = *static_cast<Search*>(data);
            if (info->dlpi_name != nullptr && has_name(info->dlpi_name, wanted.name)) {
                wanted.paths.emplace_back(info->dlpi_name);
            }
            return 0;
        },
        &search);
    std::vector<LoadedLibrary> libraries;
    for (const auto& path : search.paths) {
        // A library that was closed meanwhile is not loaded again.
        if (auto* handle = ::dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD)) {
            libraries.push_back(LoadedLibrary(handle));
        }
    }
    return libraries;
}

std::vector<LoadedLibrary> LoadedLibrary::program() {
    std::vector<LoadedLibrary> alone;
    if (auto* handle = ::dlopen(nullptr, RTLD_LAZY)) alone.push_back(LoadedLibrary(handle));
    return alone;
}

void* LoadedLibrary::find_function(std::string_view name) const {
    const std::string text(name);
    if (void* const found = ::dlsym(RTLD_DEFAULT, text.c_str())) return found;
    return ::dlsym(handle_, text.c_str());
}

void* ImportSlot::load() const {
    return std::atomic_ref<void*>(*address_).load(std::memory_order_acquire);
}

bool ImportSlot::exchange(void* expected, void* next) const {
    if (load() != expected) return false;
    void* const page = pointer_to(reinterpret_cast<Address>(address_) & ~(os::page_bytes() - 1));
    if (is_read_only_ && ::mprotect(page, os::page_bytes(), PROT_READ | PROT_WRITE) != 0)
        return false;
    const bool done = std::atomic_ref<void*>(*address_).compare_exchange_strong(
        expected, next, std::memory_order_acq_rel);
    // If this fails, the page stays writable, as without RELRO.
    if (is_read_only_) (void)::mprotect(page, os::page_bytes(), PROT_READ);
    return done;
}

std::vector<ImportSlot> find_import_slots(const LoadedLibrary& library,
                                          const std::vector<std::string_view>& functions) {
    link_map* map = nullptr;
    if (!k_known_architecture ||
        ::dlinfo(library.handle_, RTLD_DI_LINKMAP, static_cast<void*>(&map)) != 0 ||
        map->l_ld == nullptr) {
        return {};
    }
    const auto image = find_image(map->l_ld);
    if (!image.found) return {};
    const auto dynamic = read_dynamic(image);
    if (dynamic.symbols == nullptr || dynamic.names == nullptr) return {};
    SlotSearch search(image, dynamic, functions);
    search.look(dynamic.calls, k_bound_call);
    search.look(dynamic.data, k_bound_data);
    // Old linkers put calls that are bound at load time among the data relocations.
    search.look(dynamic.data, k_bound_call);
    return search.take();
}

bool stay_loaded() {
    Dl_info info{};
    link_map* map = nullptr;
    if (::dladdr1(reinterpret_cast<void*>(&stay_loaded), &info, reinterpret_cast<void**>(&map),
                  RTLD_DL_LINKMAP) == 0) {
        return false;
    }
    // The program itself has no name here, and cannot be unloaded.
    if (map->l_name == nullptr || *map->l_name == '\0') return true;
    void* const handle = ::dlopen(map->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    if (handle == nullptr) return false;
    ::dlclose(handle);
    return true;
}

}  // namespace larder::internal::process
