#include "format/cpu_blob.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "format/integers.h"

namespace larder::internal::format {
namespace {

constexpr std::uint64_t k_number_bytes = 8;

tl::unexpected<Error> no_cpu_blob() {
    return fail(Errc::unsupported, "not a blob of OpenVINO's CPU plugin");
}
tl::unexpected<Error> cpu_blob_cut_short() {
    return fail(Errc::damaged, "the cached blob is cut short");
}

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Returns the offset of the six numbers.
Result<std::uint64_t> find_numbers(std::span<const std::byte> beginning) {
    if (!as_text(beginning).starts_with(k_cpu_magic)) return 0;
    const auto head = read_requirements(beginning.subspan(k_cpu_magic.size()));
    if (!head) return fail(head.error());
    return k_cpu_magic.size() + head->bytes;
}

Result<std::vector<CpuConstant>> constants_of(const std::vector<ConstantMention>& mentions,
                                              const CpuSection& section) {
    std::vector<CpuConstant> constants;
    constants.reserve(mentions.size());
    for (const auto& [position, digits, offset, bytes] : mentions) {
        if (offset > section.bytes || bytes > section.bytes - offset) {
            return fail(Errc::damaged, "a constant is outside the cached blob");
        }
        if (bytes > 0) constants.push_back({section.offset + offset, bytes});
    }
    std::ranges::sort(constants);
    const auto twice = std::ranges::unique(constants);
    constants.erase(twice.begin(), twice.end());
    return constants;
}

}  // namespace

Result<Requirements> read_requirements(std::span<const std::byte> bytes) {
    constexpr std::uint64_t k_version = 1;
    constexpr std::uint64_t k_version_bytes = 4;
    constexpr auto k_before = k_version_bytes + k_number_bytes;
    if (bytes.size() < k_before) return cpu_blob_cut_short();
    // The version is the lower half of the field.
    if ((read_u64(bytes, 0) & 0xffff'ffff) != k_version) {
        return fail(Errc::unsupported, "the cached blob's header is of an unknown version");
    }
    const auto length = read_u64(bytes, k_version_bytes);
    if (length > bytes.size() - k_before) return cpu_blob_cut_short();
    return Requirements{as_text(bytes.subspan(k_before, length)), k_before + length};
}

Result<CpuSections> find_cpu_sections(std::span<const std::byte> beginning,
                                      std::uint64_t blob_bytes) {
    const auto numbers = find_numbers(beginning);
    if (!numbers) return fail(numbers.error());
    const bool has_magic = *numbers > 0;
    if (beginning.size() - *numbers < k_cpu_numbers_bytes || blob_bytes < beginning.size()) {
        return has_magic ? cpu_blob_cut_short() : no_cpu_blob();
    }
    if (blob_bytes > k_cpu_blob_bytes_max) {
        return fail(Errc::damaged, "the cached blob is too large");
    }
    std::array<CpuSection, 3> sections;
    std::uint64_t expected = k_cpu_numbers_bytes;
    const auto bytes_left = blob_bytes - *numbers;
    for (std::size_t i = 0; i < sections.size(); ++i) {
        const auto at = *numbers + 2 * i * k_number_bytes;
        const auto offset = read_u64(beginning, at);
        const auto bytes = read_u64(beginning, at + k_number_bytes);
        if (offset != expected) {
            if (!has_magic && i == 0) return no_cpu_blob();
            return fail(Errc::damaged, "the cached blob's sections do not follow one another");
        }
        if (bytes > bytes_left - offset) return cpu_blob_cut_short();
        sections[i] = {*numbers + offset, bytes};
        expected += bytes;
    }
    if (expected != bytes_left) {
        return fail(Errc::damaged, "the cached blob continues after its topology");
    }
    return CpuSections{*numbers, sections[0], sections[1], sections[2]};
}

Result<CpuBlob> parse_cpu_blob(std::span<const std::byte> head, std::span<const std::byte> topology,
                               std::uint64_t blob_bytes) {
    auto sections = find_cpu_sections(head, blob_bytes);
    if (!sections) return fail(std::move(sections.error()));
    if (head.size() != sections->constants.offset || topology.size() != sections->topology.bytes) {
        return fail(Errc::invalid_argument, "these are not the cached blob's sections");
    }
    const auto custom = as_text(head.subspan(sections->custom.offset, sections->custom.bytes));
    // Otherwise blanks cannot be appended.
    if (!custom.starts_with("<?xml") || custom.find('\0') != std::string_view::npos) {
        return fail(Errc::unsupported, "the cached blob's custom data are of an unknown form");
    }
    auto key = RepeatedKey::of(as_text(topology));
    if (!key) {
        return fail(Errc::unsupported, "the cached blob's topology is encoded in an unknown way");
    }
    auto text = key->apply(std::string(as_text(topology)));
    auto mentions = find_constants(text);
    if (!mentions) return fail(std::move(mentions.error()));
    auto constants = constants_of(*mentions, sections->constants);
    if (!constants) return fail(std::move(constants.error()));
    return CpuBlob{*sections,       {head.begin(), head.end()}, *std::move(key),
                   std::move(text), *std::move(mentions),       *std::move(constants)};
}

}  // namespace larder::internal::format
