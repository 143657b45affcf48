// A manifest is always spelt in the same way, so that the beginning of a line identifies a member.
#include <algorithm>
#include <charconv>

#include "format/manifest.h"

namespace larder::internal::format {
namespace {

// Returns the value of a top-level member if the line is `  "name": value`, with or without a
// comma.
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
    if (!line.starts_with("  \"") || !line.substr(3).starts_with(name)) return {};
    line.remove_prefix(3 + name.size());
    if (!line.starts_with("\": ")) return {};
    line.remove_prefix(3);
    if (line.ends_with(',')) line.remove_suffix(1);
    return line;
}

template <typename Integer>
bool read(std::string_view text, Integer& value) {
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    return status == std::errc{} && end == text.data() + text.size();
}

bool is_known(std::string_view value, std::initializer_list<std::string_view> known) {
    return std::find(known.begin(), known.end(), value) != known.end();
}

}  // namespace

std::optional<ManifestOutline> outline_manifest(std::string_view text) {
    constexpr std::string_view k_object = "      \"object\": \"";
    constexpr std::size_t k_hex = 2 * Digest::k_size_bytes;
    ManifestOutline outline;
    // Counts these, each of which must be there once: compile_ms, created_at_ns, encoding, format,
    // parts, weights.
    int members = 0;
    bool in_parts = false;
    while (!text.empty()) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return {};
        const auto line = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (in_parts && line.starts_with(k_object)) {
            if (line.size() < k_object.size() + k_hex + 1) return {};
            const auto digest = Digest::from_hex(line.substr(k_object.size(), k_hex));
            if (!digest) return {};
            outline.objects.push_back(*digest);
        }
        if (!line.starts_with("  \"")) continue;
        in_parts = line == "  \"parts\": [";
        if (in_parts) ++members;
        if (const auto value = value_of(line, "compile_ms")) {
            if (!read(*value, outline.compile_ms)) return {};
            ++members;
        } else if (const auto at = value_of(line, "created_at_ns")) {
            if (!read(*at, outline.created_at_ns)) return {};
            ++members;
        } else if (const auto encoding = value_of(line, "encoding")) {
            if (!is_known(*encoding, {"\"raw\"", "\"files\"", "\"variant\"", "\"compressed\"",
                                      "\"encrypted\"", "\"referring\""})) {
                return {};
            }
            ++members;
        } else if (const auto format = value_of(line, "format")) {
            if (*format != "1") return {};
            ++members;
        } else if (const auto weights = value_of(line, "weights")) {
            if (!is_known(*weights, {"\"embedded\"", "\"external\""})) return {};
            ++members;
        }
    }
    if (members != 6 || outline.objects.empty()) return {};
    return outline;
}

}  // namespace larder::internal::format
