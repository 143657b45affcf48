#include "format/manifest.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>
#include <utility>

#include "format/manifest_scan.h"
#include "format/sealed_json.h"

namespace larder::internal::format {
namespace {

constexpr std::uint64_t k_object_bytes_max = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t k_parts_max = 10'000;
constexpr std::size_t k_file_name_bytes_max = 255;

const char* to_text(Weights weights) {
    switch (weights) {
        case Weights::embedded: return "embedded";
        case Weights::external: return "external";
    }
    return "";
}

Json encode_map(const std::map<std::string, std::string>& map) {
    auto object = Json::object();
    for (const auto& [name, value] : map) object[name] = encode_bytes(value);
    return object;
}

bool read_map(const Json* json, std::map<std::string, std::string>& map) {
    if (json == nullptr || !json->is_object()) return false;
    for (const auto& [name, value] : json->items()) {
        if (!decode_bytes(value, map[name])) return false;
    }
    return true;
}

bool read_string(const Json& object, const char* name, std::string& value) {
    const auto* json = member(object, name);
    return json != nullptr && decode_bytes(*json, value);
}

bool read_integer(const Json& object, const char* name, std::uint64_t& value) {
    const auto* integer = integer_member(object, name);
    if (integer == nullptr || *integer > k_object_bytes_max) return false;
    value = *integer;
    return true;
}

bool read_digest(const Json& object, const char* name, Digest& value) {
    const auto* text = string_member(object, name);
    if (text == nullptr) return false;
    const auto digest = Digest::from_hex(*text);
    if (digest) value = *digest;
    return digest.has_value();
}

bool read_parts(const Json& body, std::vector<Part>& parts) {
    const auto* list = member(body, "parts");
    if (list == nullptr || !list->is_array()) return false;
    for (const auto& json : *list) {
        Part part;
        if (!json.is_object() || !read_string(json, "name", part.name) ||
            !read_digest(json, "object", part.object) || !read_integer(json, "bytes", part.bytes)) {
            return false;
        }
        parts.push_back(std::move(part));
    }
    return true;
}

bool read_model(const Json& body, ModelInfo& model) {
    const auto* json = member(body, "model");
    if (json == nullptr || !json->is_object()) return false;
    const auto* files = member(*json, "files");
    if (files == nullptr || !files->is_array() || !read_string(*json, "path", model.path) ||
        !read_string(*json, "kind", model.kind)) {
        return false;
    }
    for (const auto& each : *files) {
        SourceFile file;
        if (!each.is_object() || !read_string(each, "role", file.role) ||
            !read_digest(each, "digest", file.digest) || !read_integer(each, "bytes", file.bytes)) {
            return false;
        }
        model.files.push_back(std::move(file));
    }
    return true;
}

bool is_what_refers(const std::set<std::string_view>& names) {
    return names.contains(k_made_part) &&
           std::all_of(names.begin(), names.end(), [](std::string_view name) {
               return name == k_made_part || name.starts_with(k_shared_part);
           });
}

// The fault of a manifest; nullptr if there is none.
const char* find_flaw(const Manifest& manifest) {
    const auto are_utf8 = [](const auto& map) {
        return std::all_of(map.begin(), map.end(),
                           [](const auto& item) { return is_utf8(item.first); });
    };
    if (!are_utf8(manifest.key_inputs) || !are_utf8(manifest.notes)) return "a name is not UTF-8";
    if (manifest.key != key_of(manifest.key_inputs)) return "the key is not that of its inputs";
    if (manifest.created_at_ns < 0 || manifest.compile_ms > k_object_bytes_max) {
        return "a time is out of range";
    }
    if (manifest.parts.empty() || manifest.parts.size() > k_parts_max) {
        return "the number of parts is out of range";
    }
    std::uint64_t total = 0;
    std::set<std::string_view> names;
    for (const auto& part : manifest.parts) {
        if (part.bytes > k_object_bytes_max - total) return "a part is too large";
        total += part.bytes;
        if (!names.insert(part.name).second) return "two parts have one name";
        if (manifest.encoding == Encoding::files && !is_file_name(part.name)) {
            return "a part's name is not a file name";
        }
    }
    if (manifest.blob_bytes > k_object_bytes_max) return "a blob is too large";
    switch (manifest.encoding) {
        case Encoding::files: break;
        case Encoding::raw:
            if (names.size() != 1) return "a blob has several parts";
            if (!names.begin()->empty()) return "a blob has a name";
            break;
        case Encoding::variant:
            if (names != std::set{k_base_part, k_delta_part}) return "a variant has other parts";
            break;
        case Encoding::encrypted:
            if (names != std::set{k_pieces_part}) return "an encrypted blob has other parts";
            break;
        case Encoding::compressed:
            if (names != std::set{k_frames_part}) return "a compressed blob has other parts";
            break;
        case Encoding::referring:
            if (!is_what_refers(names)) return "what refers to a model has other parts";
            break;
    }
    if (!has_blob_bytes(manifest.encoding) && manifest.blob_bytes != 0) {
        return "a length that the parts tell";
    }
    return nullptr;
}

}  // namespace

std::string_view to_string(Encoding encoding) {
    switch (encoding) {
        case Encoding::raw: return "raw";
        case Encoding::files: return "files";
        case Encoding::variant: return "variant";
        case Encoding::compressed: return "compressed";
        case Encoding::encrypted: return "encrypted";
        case Encoding::referring: return "referring";
    }
    return "";
}

std::optional<Encoding> parse_encoding(std::string_view text) {
    for (const auto each : {Encoding::raw, Encoding::files, Encoding::variant, Encoding::compressed,
                            Encoding::encrypted, Encoding::referring}) {
        if (text == to_string(each)) return each;
    }
    return std::nullopt;
}

bool has_blob_bytes(Encoding encoding) {
    return encoding == Encoding::variant || encoding == Encoding::compressed ||
           encoding == Encoding::referring;
}

std::uint64_t Manifest::total_bytes() const {
    if (has_blob_bytes(encoding)) return blob_bytes;
    std::uint64_t total = 0;
    for (const auto& part : parts) total += part.bytes;
    return total;
}

std::uint64_t Manifest::referred_bytes() const {
    if (encoding != Encoding::referring) return 0;
    std::uint64_t kept = 0;
    if (const auto note = notes.find(k_shared_note); note != notes.end()) {
        const auto* const end = note->second.data() + note->second.size();
        if (std::from_chars(note->second.data(), end, kept).ptr != end) kept = 0;
    }
    kept = std::min(blob_bytes, kept) + std::min(blob_bytes, own_part().bytes);
    return blob_bytes - std::min(blob_bytes, kept);
}

const Part& Manifest::own_part() const {
    const auto is_own = [](const Part& part) {
        return part.name == k_delta_part || part.name == k_made_part;
    };
    const bool has_others = encoding == Encoding::variant || encoding == Encoding::referring;
    const auto found =
        has_others ? std::find_if(parts.begin(), parts.end(), is_own) : parts.begin();
    return found == parts.end() ? parts.front() : *found;
}

bool is_file_name(std::string_view name) {
    const auto is_bad = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f || byte == '/';
    };
    return !name.empty() && name.size() <= k_file_name_bytes_max && name != "." && name != ".." &&
           is_utf8(name) && std::none_of(name.begin(), name.end(), is_bad);
}

Result<std::string> encode_manifest(const Manifest& manifest) {
    if (const char* flaw = find_flaw(manifest)) {
        return fail(Errc::invalid_argument, std::string("cannot write this entry: ") + flaw);
    }
    auto parts = Json::array();
    for (const auto& part : manifest.parts) {
        parts.push_back({{"name", encode_bytes(part.name)},
                         {"object", part.object.hex()},
                         {"bytes", part.bytes}});
    }
    auto files = Json::array();
    for (const auto& file : manifest.model.files) {
        if (file.bytes > k_object_bytes_max) {
            return fail(Errc::invalid_argument, "a model file is too large");
        }
        files.push_back({{"role", encode_bytes(file.role)},
                         {"digest", file.digest.hex()},
                         {"bytes", file.bytes}});
    }
    Json body;
    body["format"] = k_manifest_format;
    body["key"] = manifest.key.hex();
    body["key_inputs"] = encode_map(manifest.key_inputs);
    body["encoding"] = to_string(manifest.encoding);
    body["parts"] = std::move(parts);
    if (has_blob_bytes(manifest.encoding)) body["blob_bytes"] = manifest.blob_bytes;
    body["model"]["path"] = encode_bytes(manifest.model.path);
    body["model"]["kind"] = encode_bytes(manifest.model.kind);
    body["model"]["files"] = std::move(files);
    body["device"] = encode_bytes(manifest.device);
    body["created_at_ns"] = static_cast<std::uint64_t>(manifest.created_at_ns);
    body["compile_ms"] = manifest.compile_ms;
    body["requirements"] = encode_bytes(manifest.requirements);
    body["weights"] = to_text(manifest.weights);
    body["notes"] = encode_map(manifest.notes);
    auto text = seal_json(std::move(body));
    if (text.size() > k_manifest_bytes_max) {
        return fail(Errc::invalid_argument, "the entry's description is too large");
    }
    return text;
}

Result<Manifest> decode_manifest(std::string_view text, const Key& key) {
    const auto damaged = [](const char* what) { return fail(Errc::damaged, what); };
    if (auto manifest = scan_manifest(text)) {
        if (manifest->key != key) return damaged("of another key");
        if (const char* flaw = find_flaw(*manifest)) return damaged(flaw);
        return std::move(*manifest);
    }
    const auto body = unseal_json(text, k_manifest_bytes_max);
    if (!body) return fail(body.error());
    if (auto known = check_format(*body, k_manifest_format); !known) return fail(known.error());

    Manifest manifest;
    const auto* encoding = string_member(*body, "encoding");
    const auto* weights = string_member(*body, "weights");
    if (encoding == nullptr || weights == nullptr) return damaged("members are missing");
    const auto known_encoding = parse_encoding(*encoding);
    if (!known_encoding) {
        return fail(Errc::unsupported, "encoding '" + *encoding + "' of a newer larder");
    }
    manifest.encoding = *known_encoding;
    if (*weights == to_text(Weights::external)) {
        manifest.weights = Weights::external;
    } else if (*weights != to_text(Weights::embedded)) {
        return fail(Errc::unsupported, "weights '" + *weights + "' of a newer larder");
    }
    std::uint64_t created_at_ns = 0;
    if (!read_digest(*body, "key", manifest.key.digest) ||
        !read_map(member(*body, "key_inputs"), manifest.key_inputs) ||
        !read_parts(*body, manifest.parts) || !read_model(*body, manifest.model) ||
        !read_string(*body, "device", manifest.device) ||
        !read_integer(*body, "created_at_ns", created_at_ns) ||
        !read_integer(*body, "compile_ms", manifest.compile_ms) ||
        !read_string(*body, "requirements", manifest.requirements) ||
        !read_map(member(*body, "notes"), manifest.notes)) {
        return damaged("members are missing");
    }
    manifest.created_at_ns = static_cast<std::int64_t>(created_at_ns);
    if (has_blob_bytes(manifest.encoding) &&
        !read_integer(*body, "blob_bytes", manifest.blob_bytes)) {
        return damaged("members are missing");
    }
    if (manifest.key != key) return damaged("of another key");
    if (const char* flaw = find_flaw(manifest)) return damaged(flaw);
    return manifest;
}

}  // namespace larder::internal::format
