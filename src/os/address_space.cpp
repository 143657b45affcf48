#include "os/address_space.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os/page_size.h"

namespace larder::internal::os {
namespace {

// From <linux/fs.h> since Linux 6.7; the system's headers may be older than its kernel.
struct PageScan {
    std::uint64_t size = sizeof(PageScan);
    std::uint64_t flags = 0;
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    std::uint64_t walk_end = 0;
    std::uint64_t vector = 0;
    std::uint64_t vector_length = 0;
    std::uint64_t pages_max = 0;
    std::uint64_t inverted = 0;
    std::uint64_t all_of = 0;
    std::uint64_t any_of = 0;
    std::uint64_t reported = 0;
};
struct PageRegion {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    std::uint64_t categories = 0;
};
constexpr std::uint64_t k_page_is_file = 1U << 2U;
constexpr std::uint64_t k_page_is_present = 1U << 3U;
constexpr std::uint64_t k_page_is_swapped = 1U << 4U;

// Bits of an entry of /proc/self/pagemap.
constexpr std::uint64_t k_entry_present = std::uint64_t{1} << 63U;
constexpr std::uint64_t k_entry_swapped = std::uint64_t{1} << 62U;
constexpr std::uint64_t k_entry_file = std::uint64_t{1} << 61U;

struct Pages {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
};

// Returns all pages that `memory` touches.
Pages pages_of(std::span<const std::byte> memory) {
    const auto begin = reinterpret_cast<std::uintptr_t>(memory.data());
    const auto end = begin + memory.size() + page_bytes() - 1;
    return {begin / page_bytes() * page_bytes(), end / page_bytes() * page_bytes()};
}

// Parses a line from its beginning.
class Line {
public:
    explicit Line(std::string_view text) : rest_(text) {}

    std::optional<std::uint64_t> number(int base, char end) {
        std::uint64_t value = 0;
        const auto* const first = rest_.data();
        const auto [at, error] = std::from_chars(first, first + rest_.size(), value, base);
        if (error != std::errc{} || at == first + rest_.size() || *at != end) return {};
        rest_.remove_prefix(static_cast<std::size_t>(at - first) + 1);
        return value;
    }
    std::string_view word() {
        const auto end = std::min(rest_.find(' '), rest_.size());
        const auto result = rest_.substr(0, end);
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        return result;
    }
    std::string_view last() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
        return rest_;
    }

private:
    std::string_view rest_;
};

// Parses "7fe874200000-7fe87ffcd000 r--s 00000000 fe:00 5390636     /models/x.bin". Returns nothing
// for memory without a file, and for lines that cannot be parsed.
std::optional<FileMapping> to_file_mapping(std::string_view text) {
    Line line(text);
    const auto begin = line.number(16, '-');
    const auto end = line.number(16, ' ');
    const auto permissions = line.word();
    const auto offset = line.number(16, ' ');
    const auto major = line.number(16, ':');
    const auto minor = line.number(16, ' ');
    const auto inode = line.number(10, ' ');
    if (!begin || !end || !offset || !major || !minor || !inode) return {};
    if (*inode == 0 || *end < *begin || permissions.size() != 4) return {};
    FileMapping mapping;
    // The kernel reports addresses as text.
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    mapping.memory = {reinterpret_cast<const std::byte*>(*begin), *end - *begin};
    mapping.offset = *offset;
    mapping.device = makedev(static_cast<unsigned>(*major), static_cast<unsigned>(*minor));
    mapping.inode = *inode;
    mapping.path = line.last();
    mapping.access = permissions.starts_with("r--") ? Access::read_only : Access::other;
    mapping.sharing = permissions[3] == 's' ? Sharing::shared : Sharing::copied_on_write;
    return mapping;
}

bool continues(const FileMapping& last, const FileMapping& next) {
    return last.memory.data() + last.memory.size() == next.memory.data() &&
           last.offset + last.memory.size() == next.offset && last.device == next.device &&
           last.inode == next.inode && last.path == next.path && last.access == next.access &&
           last.sharing == next.sharing;
}

class Pagemap {
public:
    explicit Pagemap(const std::string& path)
        : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    Pagemap(const Pagemap&) = delete;
    Pagemap& operator=(const Pagemap&) = delete;
    ~Pagemap() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }

    [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }

    // Asks in one call, without visiting absent pages. Returns nothing if the kernel lacks the
    // call.
    [[nodiscard]] std::optional<bool> scan(const Pages& pages) const {
        constexpr unsigned k_group = 'f';
        PageRegion found;
        PageScan scan;
        scan.start = pages.begin;
        scan.end = pages.end;
        scan.vector = reinterpret_cast<std::uint64_t>(&found);
        scan.vector_length = 1;
        scan.pages_max = 1;
        scan.inverted = k_page_is_file;
        scan.all_of = k_page_is_file;
        scan.any_of = k_page_is_present | k_page_is_swapped;
        const auto count = ::ioctl(descriptor_, _IOWR(k_group, 16, PageScan), &scan);
        if (count < 0) return {};
        return count > 0;
    }

    // Reads the entries one by one.
    [[nodiscard]] std::optional<bool> read(const Pages& pages) const {
        std::array<std::uint64_t, 8192> entries{};
        const auto last = pages.end / page_bytes();
        for (auto page = pages.begin / page_bytes(); page < last;) {
            const auto wanted = std::min<std::uintptr_t>(entries.size(), last - page);
            const auto got = ::pread(descriptor_, entries.data(), wanted * sizeof(std::uint64_t),
                                     static_cast<off_t>(page * sizeof(std::uint64_t)));
            const auto count = got <= 0 ? 0 : static_cast<std::size_t>(got) / sizeof(std::uint64_t);
            if (count == 0) return {};
            const auto is_copied = [](std::uint64_t entry) {
                return (entry & (k_entry_present | k_entry_swapped)) != 0 &&
                       (entry & k_entry_file) == 0;
            };
            if (std::any_of(entries.begin(), entries.begin() + count, is_copied)) return true;
            page += count;
        }
        return false;
    }

private:
    int descriptor_;
};

}  // namespace

Result<std::vector<FileMapping>> ProcAddressSpace::file_mappings() {
    const auto path = proc_ + "/maps";
    std::ifstream maps(path);
    if (!maps) return fail(Errc::io, "cannot read", path);
    std::vector<FileMapping> mappings;
    for (std::string line; std::getline(maps, line);) {
        auto mapping = to_file_mapping(line);
        if (!mapping) continue;
        if (!mappings.empty() && continues(mappings.back(), *mapping)) {
            auto& memory = mappings.back().memory;
            memory = {memory.data(), memory.size() + mapping->memory.size()};
        } else {
            mappings.push_back(std::move(*mapping));
        }
    }
    if (maps.bad()) return fail(Errc::io, "cannot read", path);
    return mappings;
}

Result<bool> ProcAddressSpace::has_copied_pages(std::span<const std::byte> memory) {
    const auto path = proc_ + "/pagemap";
    const Pagemap pagemap(path);
    if (!pagemap.is_open()) return fail(Error::from_errno("cannot open", path));
    const auto pages = pages_of(memory);
    if (const auto found = pagemap.scan(pages)) return *found;
    if (const auto found = pagemap.read(pages)) return *found;
    return fail(Errc::io, "cannot read", path);
}

bool ProcAddressSpace::stamp_tells_content(const std::string& path) {
    constexpr long k_ext = EXT4_SUPER_MAGIC;
    constexpr long k_xfs = XFS_SUPER_MAGIC;
    constexpr long k_f2fs = F2FS_SUPER_MAGIC;
    struct statfs status{};
    if (::statfs(path.c_str(), &status) != 0) return false;
    const auto type = static_cast<long>(status.f_type);
    return type == k_ext || type == k_xfs || type == k_f2fs;
}

void ProcAddressSpace::drop_resident(std::span<const std::byte> memory) noexcept {
    const auto [begin, end] = pages_of(memory);
    const auto before = reinterpret_cast<std::uintptr_t>(memory.data()) - begin;
    // The call takes a pointer to non-const, but does not write.
    auto* const first = const_cast<std::byte*>(memory.data()) - before;
    if (begin < end) ::madvise(first, end - begin, MADV_DONTNEED);
}

}  // namespace larder::internal::os
