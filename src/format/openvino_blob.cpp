#include "format/openvino_blob.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <span>
#include <utility>

#include "format/cpu_blob.h"
#include "format/integers.h"

namespace larder::internal::format {
namespace {

constexpr std::string_view k_begin = R"(<?xml version="1.0"?><compiled_blob )";
constexpr std::string_view k_end = "/>\n";
constexpr std::uint64_t k_alignment_max = 1 << 20;
constexpr std::string_view k_gpu = "QRR_PEVO";  // after four bytes that say how it is cached
constexpr std::string_view k_hetero = R"(<?xml version="1.0"?><hetero )";

tl::unexpected<Error> cut_short() { return fail(Errc::damaged, "the cached blob is cut short"); }
tl::unexpected<Error> malformed() {
    return fail(Errc::damaged, "the header of the cached blob cannot be read");
}

std::string unescaped(std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, char>, 5> k_entities{
        {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
    std::string plain;
    while (!text.empty()) {
        const auto entity = std::ranges::find_if(
            k_entities, [&](const auto& each) { return text.starts_with(each.first); });
        if (entity == k_entities.end()) {
            plain += text.front();
            text.remove_prefix(1);
        } else {
            plain += entity->second;
            text.remove_prefix(entity->first.size());
        }
    }
    return plain;
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

using Attributes = std::map<std::string, std::string, std::less<>>;

// Reads up to the end of the line, and consumes it too.
Result<Attributes> read_attributes(std::string_view& text) {
    Attributes attributes;
    while (!text.starts_with(k_end)) {
        const auto equals = text.find("=\"");
        if (equals == std::string_view::npos) return cut_short();
        const auto close = text.find('"', equals + 2);
        if (close == std::string_view::npos) return cut_short();
        auto name = text.substr(0, equals);
        while (name.starts_with(' ')) name.remove_prefix(1);
        if (name.empty() || name.find_first_of(" <>/\n") != std::string_view::npos) {
            return malformed();
        }
        attributes.emplace(name, unescaped(text.substr(equals + 2, close - equals - 2)));
        text.remove_prefix(close + 1);
        if (k_end.starts_with(text) && text.size() < k_end.size()) return cut_short();
    }
    text.remove_prefix(k_end.size());
    return attributes;
}

// Returns where the head of an export ends. Nothing if it has another version, whose content only
// its runtime knows.
Result<std::optional<std::uint64_t>> read_head(std::string_view payload, std::uint64_t magic_bytes,
                                               OpenVinoBlob& blob) {
    const auto head = read_requirements(std::as_bytes(std::span(payload)).subspan(magic_bytes));
    if (!head && head.error().code == Errc::unsupported) return std::nullopt;
    if (!head) return fail(head.error());
    blob.requirements = head->text;
    return magic_bytes + head->bytes;
}

Result<void> read_cpu(std::string_view payload, std::uint64_t payload_bytes, OpenVinoBlob& blob) {
    const auto numbers = read_head(payload, k_cpu_magic.size(), blob);
    if (!numbers) return fail(numbers.error());
    if (!*numbers) return {};
    const auto rest = std::as_bytes(std::span(payload)).subspan(**numbers);
    const auto sections = payload_bytes - **numbers;
    if (rest.size() < k_cpu_numbers_bytes) return cut_short();
    for (std::size_t at = 0; at < k_cpu_numbers_bytes; at += 2 * sizeof(std::uint64_t)) {
        const auto offset = read_u64(rest, at);
        const auto bytes = read_u64(rest, at + sizeof(std::uint64_t));
        if (offset > sections || bytes > sections - offset) return cut_short();
    }
    return {};
}

}  // namespace

Result<OpenVinoBlob> decode_openvino_blob(std::string_view head, std::uint64_t file_bytes) {
    if (!head.starts_with(k_begin)) {
        if (k_begin.starts_with(head)) return cut_short();
        return fail(Errc::unsupported, "not a cached blob of OpenVINO");
    }
    auto text = head.substr(k_begin.size());
    auto attributes = read_attributes(text);
    if (!attributes) return fail(std::move(attributes.error()));
    auto& values = *attributes;
    OpenVinoBlob blob;
    blob.version = std::move(values["ie_version"]);
    blob.runtime_info = std::move(values["runtime_info"]);
    if (blob.version.empty()) return malformed();
    const auto& alignment_text = values["header_size_alignment"];
    const auto alignment = alignment_text.empty() ? 0 : number(alignment_text);
    if (!alignment || *alignment > k_alignment_max) return malformed();
    std::uint64_t begin = head.size() - text.size();
    if (*alignment > 0) begin = (begin + *alignment - 1) / *alignment * *alignment;
    if (begin >= file_bytes) return cut_short();
    const auto payload = begin < head.size() ? head.substr(begin) : std::string_view{};
    const bool is_all = payload.size() == file_bytes - begin;
    if (is_all && (k_cpu_magic.starts_with(payload) || k_hetero.starts_with(payload)))
        return cut_short();
    if (payload.starts_with(k_hetero)) blob.device = "HETERO";
    if (payload.starts_with(k_cpu_magic)) {
        blob.device = "CPU";
        if (auto read = read_cpu(payload, file_bytes - begin, blob); !read) {
            return fail(std::move(read.error()));
        }
    }
    constexpr std::size_t k_gpu_begin = 4;
    if (payload.size() > k_gpu_begin && payload.substr(k_gpu_begin).starts_with(k_gpu)) {
        blob.device = "GPU";
        const auto read = read_head(payload, k_gpu_begin + k_gpu.size(), blob);
        if (!read) return fail(read.error());
    }
    return blob;
}

OpenVinoFileName openvino_file_name(std::string_view name) {
    const auto dot = name.find('.');
    if (dot == std::string_view::npos || !number(name.substr(0, dot))) {
        return OpenVinoFileName::other;
    }
    const auto end = name.substr(dot);
    if (end == ".blob") return OpenVinoFileName::blob;
    if (end == ".cl_cache") return OpenVinoFileName::kernels;
    return OpenVinoFileName::other;
}

}  // namespace larder::internal::format
