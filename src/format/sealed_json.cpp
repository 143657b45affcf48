#include "format/sealed_json.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/digest.h"
#include "base/hex.h"

namespace larder::internal::format {
namespace {

constexpr int k_indent = 2;

Digest digest_of_text(std::string_view compact) {
    return Hasher("larder sealed json 1").update_field(compact).finish();
}
Digest digest_of(const Json& body) { return digest_of_text(body.dump()); }

// Checked before parsing, because the parser builds nested values of any depth.
bool is_shallow(std::string_view text) {
    unsigned depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            if (c == '"') in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > k_json_depth_max) return false;
        } else if (c == '}' || c == ']') {
            if (depth > 0) --depth;
        }
    }
    return true;
}

bool has_known_types(const Json& json) {
    if (json.is_structured()) return std::all_of(json.begin(), json.end(), has_known_types);
    return json.is_string() || json.is_number_integer();
}

// Returns the length of the UTF-8 sequence at the beginning of `text`; 0 if there is none.
std::size_t sequence_length(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
        return i < text.size() && at(i) >= low && at(i) <= high;
    };
    const unsigned first = at(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        // Excludes overlong sequences and halves of surrogate pairs.
        const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
        const unsigned high = first == 0xed ? 0x9f : 0xbf;
        return continues(1, low, high) && continues(2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const unsigned low = first == 0xf0 ? 0x90 : 0x80;
        const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
        return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const auto length = sequence_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string seal_json(Json body) {
    body["digest"] = digest_of(body).hex();
    return body.dump(k_indent) + "\n";
}

Result<Json> unseal_json(std::string_view text, std::uint64_t size_bytes_max) {
    const auto damaged = [](const char* what) { return fail(Errc::damaged, what); };
    if (text.size() > size_bytes_max) return damaged("too large");
    if (!is_shallow(text)) return damaged("nested too deep");
    auto json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return damaged("not a JSON object");
    if (!has_known_types(json)) return damaged("has members that it must not have");
    // Only one spelling is accepted for each content, so that every change is noticed.
    if (json.dump(k_indent) + "\n" != text) return damaged("not as larder writes it");
    const auto* written = string_member(json, "digest");
    if (written == nullptr) return damaged("without a digest");
    const auto digest = Digest::from_hex(*written);
    json.erase("digest");
    if (!digest || *digest != digest_of(json)) return damaged("differs from its digest");
    return json;
}

bool holds_its_digest(std::string_view text) {
    constexpr std::string_view k_digest = "\"digest\": \"";
    std::string compact;
    compact.reserve(text.size());
    std::optional<Digest> written;
    while (!text.empty()) {
        auto line = text.substr(0, std::min(text.find('\n'), text.size() - 1));
        text.remove_prefix(line.size() + 1);
        const auto indent = std::min(line.find_first_not_of(' '), line.size());
        line.remove_prefix(indent);
        if (indent == k_indent && line.starts_with(k_digest)) {
            const auto hex = line.substr(k_digest.size(), 2 * Digest::k_size_bytes);
            if (const auto digest = Digest::from_hex(hex)) written = *digest;
            continue;
        }
        // A name ends at the next quote, and a space follows its colon.
        const auto name_end = line.starts_with('"') ? line.find('"', 1) : std::string_view::npos;
        if (name_end != std::string_view::npos && line.substr(name_end + 1).starts_with(": ")) {
            compact.append(line, 0, name_end + 2);
            line.remove_prefix(name_end + 3);
        }
        compact.append(line);
    }
    return written && *written == digest_of_text(compact);
}

Result<void> check_format(const Json& body, std::uint64_t newest) {
    const auto* format = integer_member(body, "format");
    if (format == nullptr || *format == 0) return fail(Errc::damaged, "without a format");
    if (*format > newest) {
        return fail(Errc::unsupported, "made by a newer larder, format " + std::to_string(*format),
                    {}, "use the newer larder");
    }
    return {};
}

const Json* member(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

const std::string* string_member(const Json& object, const char* name) {
    const auto* json = member(object, name);
    return json == nullptr ? nullptr : json->get_ptr<const std::string*>();
}

const std::uint64_t* integer_member(const Json& object, const char* name) {
    const auto* json = member(object, name);
    return json == nullptr ? nullptr : json->get_ptr<const std::uint64_t*>();
}

Json encode_bytes(std::string_view bytes) {
    if (is_utf8(bytes)) return Json(bytes);
    return Json{
        {"hex", to_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()})}};
}

bool decode_bytes(const Json& json, std::string& bytes) {
    if (const auto* text = json.get_ptr<const std::string*>()) {
        bytes = *text;
        return true;
    }
    if (!json.is_object() || json.size() != 1) return false;
    const auto* hex = string_member(json, "hex");
    if (hex == nullptr) return false;
    bytes.resize(hex->size() / 2);
    return read_hex(*hex, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}) &&
           !is_utf8(bytes);
}

}  // namespace larder::internal::format
