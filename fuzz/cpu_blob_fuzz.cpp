// Blobs of the CPU plugin: an accepted blob can be rearranged, and its constants keep their values.
// The topologies are not encoded, so that mutations change their text.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "format/cpu_blob.h"
#include "fuzz_target.h"

namespace {

using namespace larder::internal;

using Bytes = std::span<const std::byte>;

constexpr std::uint64_t k_page_bytes = 4096;
// More would only be slow.
constexpr std::uint64_t k_composed_bytes_max = std::uint64_t{64} << 20;

Result<format::CpuBlob> parse(Bytes bytes) {
    const auto beginning =
        bytes.first(std::min<std::size_t>(bytes.size(), format::k_cpu_beginning_bytes));
    const auto sections = format::find_cpu_sections(beginning, bytes.size());
    if (!sections) return fail(sections.error());
    return format::parse_cpu_blob(bytes.first(sections->constants.offset),
                                  bytes.subspan(sections->topology.offset), bytes.size());
}

Bytes content(const format::CpuBlob& blob, const format::ConstantMention& mention, Bytes bytes) {
    return bytes.subspan(blob.sections.constants.offset + mention.offset, mention.bytes);
}

// Every third constant is in no file, the others follow each other in two files, near or far.
std::vector<std::optional<format::Elsewhere>> places(const format::CpuBlob& blob) {
    std::vector<std::optional<format::Elsewhere>> wanted;
    std::uint64_t next = 17;
    std::uint64_t total = 0;
    for (const auto& [offset, bytes] : blob.constants) {
        const auto i = static_cast<std::uint32_t>(wanted.size());
        total += bytes;
        if (i % 3 == 0 && total <= blob.sections.constants.bytes) {
            wanted.emplace_back();
            continue;
        }
        wanted.emplace_back(format::Elsewhere{i % 2, next});
        next += bytes + offset % (i % 5 == 1 ? 200'000 : 200);
    }
    return wanted;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto blob = parse(bytes);
    if (!blob) return 0;
    const auto wanted = places(*blob);
    const auto layout = format::relayout(*blob, wanted, k_page_bytes);
    if (!layout) std::abort();
    if (layout->blob_bytes > k_composed_bytes_max) return 0;
    std::vector<std::byte> composed(layout->blob_bytes);
    const auto put = [&](std::uint64_t offset, Bytes from) {
        if (!from.empty()) std::memcpy(composed.data() + offset, from.data(), from.size());
    };
    put(0, layout->head);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const auto at = layout->offsets[i];
        if (at < layout->head.size() || at + blob->constants[i].bytes > layout->topology_offset) {
            std::abort();
        }
        if (wanted[i] && at % k_page_bytes != wanted[i]->offset % k_page_bytes) std::abort();
        put(at, bytes.subspan(blob->constants[i].offset, blob->constants[i].bytes));
    }
    put(layout->topology_offset, layout->topology);
    const auto again = parse(composed);
    if (!again || again->mentions.size() != blob->mentions.size()) std::abort();
    for (std::size_t i = 0; i < blob->mentions.size(); ++i) {
        const auto before = content(*blob, blob->mentions[i], bytes);
        const auto after = content(*again, again->mentions[i], composed);
        if (!std::ranges::equal(before, after)) std::abort();
    }
    return 0;
}

std::vector<std::string> fuzz_seeds() {
    const auto number = [](std::uint64_t value, std::size_t bytes) {
        std::string text;
        for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFFU);
        return text;
    };
    const auto constant = [](int offset, int bytes) {
        return "<layer id=\"0\" name=\"c\" type=\"Const\" version=\"opset1\">\n<data "
               "element_type=\"f32\" shape=\"4, 4\" offset=\"" +
               std::to_string(offset) + "\" size=\"" + std::to_string(bytes) +
               "\" />\n<rt_info>\n<attribute name=\"WeightlessCacheAttribute\" bin_offset=\"64\" "
               "original_size=\"4\" />\n</rt_info>\n</layer>\n";
    };
    const std::string custom = "<?xml version=\"1.0\"?>\n<cnndata>\n\t<outputs />\n</cnndata>\n";
    std::string constants;
    for (int i = 0; i < 3'000; ++i) constants += static_cast<char>(i * 7 + i / 251);
    const auto topology = std::string(format::k_topology_begin) + "<net name=\"m\">\n<layers>\n" +
                          constant(0, 1) + constant(1, 2'000) + constant(2'001, 0) +
                          "<layer id=\"1\" type=\"Loop\">\n<body>\n" + "<layers>\n" +
                          constant(2'001, 900) + constant(1, 2'000) + "</layers>\n</body>\n" +
                          "</layer>\n</layers>\n<edges />\n" + std::string(format::k_topology_end);
    std::string numbers;
    const auto begin = 48 + custom.size();
    for (const auto value : {std::size_t{48}, custom.size(), begin, constants.size(),
                             begin + constants.size(), topology.size()}) {
        numbers += number(value, 8);
    }
    const auto older = numbers + custom + constants + topology;
    return {"RR_UPCVO" + number(1, 4) + number(3, 8) + "isa" + older, older};
}
