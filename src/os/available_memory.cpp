#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include <sys/mman.h>

#include "os/system.h"

namespace larder::internal::os {
namespace {

std::optional<std::uint64_t> number_in(std::string_view text) {
    const auto digit = text.find_first_of("0123456789");
    if (digit == std::string_view::npos) return {};
    std::uint64_t value = 0;
    const auto [end, fault] =
        std::from_chars(text.data() + digit, text.data() + text.size(), value);
    if (fault != std::errc{}) return {};
    return value;
}

// Returns the number in the line of `file` that begins with `field`; if that is empty, in the first
// line.
std::optional<std::uint64_t> field_in(const std::string& file, std::string_view field) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        if (line.starts_with(field)) return number_in(std::string_view(line).substr(field.size()));
    }
    return {};
}

// Returns how much more a control group may use, including page cache that can be reclaimed. Absent
// if it has no limit.
std::optional<std::uint64_t> left_in_group(const std::string& group) {
    const auto limit = field_in(group + "/memory.max", "");
    const auto used = field_in(group + "/memory.current", "");
    if (!limit || !used) return {};
    const auto cached = field_in(group + "/memory.stat", "active_file ").value_or(0) +
                        field_in(group + "/memory.stat", "inactive_file ").value_or(0);
    const auto held = *used - std::min(*used, cached);
    return *limit - std::min(*limit, held);
}

}  // namespace

std::uint64_t read_available_memory_bytes(const std::string& root) {
    // "MemAvailable:   1234 kB"
    auto available = field_in(root + "/proc/meminfo", "MemAvailable:").value_or(0) * 1024;
    std::ifstream groups(root + "/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        constexpr std::string_view k_version_2 = "0::";
        if (!line.starts_with(k_version_2)) continue;
        // The limits of all parent groups apply to a group too.
        auto group = line.substr(k_version_2.size());
        for (;;) {
            if (group == "/") group.clear();
            auto path = root + "/sys/fs/cgroup";
            path += group;
            if (const auto left = left_in_group(path)) {
                available = std::min(available, *left);
            }
            const auto slash = group.rfind('/');
            if (slash == std::string::npos) break;
            group.resize(slash);
        }
    }
    return available;
}

bool may_allocate(std::size_t bytes) noexcept {
    void* const memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return false;
    ::munmap(memory, bytes);
    return true;
}

}  // namespace larder::internal::os
