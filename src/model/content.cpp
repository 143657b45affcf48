#include "model/content.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "model/ir_outline.h"

namespace larder::internal::model {
namespace {

constexpr std::size_t k_head_bytes = 256;

Result<std::string> read_head(ByteSource& source) {
    const auto size = std::min<std::uint64_t>(source.size_bytes(), k_head_bytes);
    std::string head(static_cast<std::size_t>(size), '\0');
    if (auto read = source.read_at(0, std::as_writable_bytes(std::span(head))); !read) {
        return fail(std::move(read.error()));
    }
    return head;
}

// Matches {"base_code":{"magic":"pir",…
bool is_paddle_json(std::string_view head) {
    std::string dense;
    for (const char c : head) {
        if (std::string_view(" \t\r\n").find(c) == std::string_view::npos) dense += c;
    }
    return dense.starts_with('{') && dense.find("\"magic\":\"pir\"") != std::string::npos;
}

Content of_kind(ContentKind kind) { return {kind, {}, {}}; }

Result<Content> recognise_onnx(ByteSource& source, std::string_view head, OnnxDoubt doubt) {
    // A model begins with its version of the format: every writer orders fields by their number.
    const bool likely = head.starts_with('\x08');
    if (!likely && doubt == OnnxDoubt::other) return Content{};
    auto outline = read_onnx_outline(source);
    if (outline) return Content{ContentKind::onnx, std::move(*outline), {}};
    if (outline.error().code == Errc::damaged && doubt == OnnxDoubt::other) return Content{};
    return fail(std::move(outline.error()));
}

constexpr std::pair<ContentKind, std::string_view> k_names[] = {
    {ContentKind::other, "other"},   {ContentKind::ir, "ir"},
    {ContentKind::onnx, "onnx"},     {ContentKind::gguf, "gguf"},
    {ContentKind::tflite, "tflite"}, {ContentKind::paddle_json, "paddle_json"},
};

// Removes "<number><end>" from the front of `text`.
template <typename T>
bool take_number(std::string_view& text, char end, T& value) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop == text.data() + text.size() || *stop != end) return false;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()) + 1);
    return true;
}

bool take_external_files(std::string_view& text, OnnxOutline& outline) {
    while (!text.empty()) {
        ExternalFile file;
        std::size_t size = 0;
        if (!take_number(text, ' ', file.size_bytes_min) || !take_number(text, ' ', size) ||
            size >= text.size() || text[size] != '\n') {
            return false;
        }
        file.location = text.substr(0, size);
        text.remove_prefix(size + 1);
        outline.external_files.push_back(std::move(file));
    }
    return true;
}

}  // namespace

Result<Content> recognise_content(ByteSource& source, OnnxDoubt doubt) {
    const auto head = read_head(source);
    if (!head) return fail(head.error());
    if (head->starts_with("GGUF")) {
        auto outline = read_gguf_outline(source);
        if (!outline) return fail(std::move(outline.error()));
        return Content{ContentKind::gguf, {}, *outline};
    }
    constexpr std::size_t k_identifier_offset = 4;
    if (head->size() > k_identifier_offset &&
        std::string_view(*head).substr(k_identifier_offset).starts_with("TFL3")) {
        return of_kind(ContentKind::tflite);
    }
    if (is_paddle_json(*head)) return of_kind(ContentKind::paddle_json);
    const auto ir = is_ir(source);
    if (!ir) return fail(ir.error());
    if (*ir) return of_kind(ContentKind::ir);
    return recognise_onnx(source, *head, doubt);
}

// The text has the kind, a line break, and
//   gguf: "<shard> <shards>\n"
//   onnx: for each external file "<smallest size> <size of the location> <location>\n"
std::string to_text(const Content& content) {
    const auto* name =
        std::ranges::find(k_names, content.kind, &std::pair<ContentKind, std::string_view>::first);
    std::string text(name->second);
    text += '\n';
    if (content.kind == ContentKind::gguf) {
        text += std::to_string(content.gguf.shard) + ' ' +
                std::to_string(content.gguf.shard_count) + '\n';
    }
    for (const auto& file : content.onnx.external_files) {
        text += std::to_string(file.size_bytes_min) + ' ' + std::to_string(file.location.size()) +
                ' ' + file.location + '\n';
    }
    return text;
}

std::optional<Content> content_from_text(std::string_view text) {
    const auto line = text.find('\n');
    if (line == std::string_view::npos) return {};
    const auto* name = std::ranges::find(k_names, text.substr(0, line),
                                         &std::pair<ContentKind, std::string_view>::second);
    if (name == std::end(k_names)) return {};
    text.remove_prefix(line + 1);
    Content content = of_kind(name->first);
    if (content.kind == ContentKind::gguf) {
        if (!take_number(text, ' ', content.gguf.shard) ||
            !take_number(text, '\n', content.gguf.shard_count)) {
            return {};
        }
    }
    if (content.kind == ContentKind::onnx && !take_external_files(text, content.onnx)) return {};
    if (!text.empty()) return {};
    return content;
}

}  // namespace larder::internal::model
