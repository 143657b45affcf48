#include "format/manifest_scan.h"

#include <charconv>
#include <string>
#include <utility>

#include "format/sealed_json.h"

namespace larder::internal::format {
namespace {

// Tells whether all bytes of a JSON string stand for themselves.
bool is_plain(std::string_view text) {
    // Without a branch, so that the compiler can process many bytes at once.
    unsigned char special = 0;
    unsigned char any = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const auto is_control = static_cast<unsigned char>((byte < 0x20) & (byte != '\n'));
        special |= static_cast<unsigned char>(is_control | (byte == '\\'));
        any |= byte;
    }
    return special == 0 && (any < 0x80 || is_utf8(text));
}

// Scans a text of plain strings. After the first unexpected byte `ok_` is false and the results are
// invalid.
class ManifestScanner {
public:
    explicit ManifestScanner(std::string_view text) : rest_(text) {}

    // `read_inputs(manifest)` scans the member "key_inputs".
    template <class ReadInputs>
    std::optional<Manifest> scan(const ReadInputs& read_inputs) {
        Manifest manifest;
        expect("{\n");
        const bool tells_blob_bytes = take("  \"blob_bytes\": ");
        if (tells_blob_bytes) {
            manifest.blob_bytes = integer();
            expect(",\n");
        }
        expect("  \"compile_ms\": ");
        manifest.compile_ms = integer();
        expect(",\n  \"created_at_ns\": ");
        manifest.created_at_ns = static_cast<std::int64_t>(integer());
        expect(",\n  \"device\": ");
        manifest.device = string();
        expect(",\n  \"digest\": ");
        (void)digest();
        expect(",\n  \"encoding\": ");
        const auto encoding = parse_encoding(string());
        ok_ &= encoding && has_blob_bytes(*encoding) == tells_blob_bytes;
        manifest.encoding = encoding.value_or(Encoding::raw);
        expect(",\n  \"format\": 1,\n  \"key\": ");
        manifest.key.digest = digest();
        expect(",\n  \"key_inputs\": ");
        read_inputs(manifest);
        expect(",\n  \"model\": ");
        model(manifest.model);
        expect(",\n  \"notes\": ");
        map(manifest.notes);
        expect(",\n  \"parts\": ");
        list("  ", [&] { manifest.parts.push_back(part()); });
        expect(",\n  \"requirements\": ");
        manifest.requirements = string();
        expect(",\n  \"weights\": ");
        const auto weights = string();
        manifest.weights = weights == "external" ? Weights::external : Weights::embedded;
        ok_ &= weights == "external" || weights == "embedded";
        expect("\n}\n");
        if (!ok_ || !rest_.empty()) return {};
        return manifest;
    }

    // A top-level member whose own members are ordered.
    void map(std::map<std::string, std::string>& map) {
        if (take("{}")) return;
        expect("{\n");
        do {
            member(map);
        } while (take(",\n"));
        expect("\n  }");
    }

    // Does `map`, but only appends lines of the build to `lines`, and skips properties.
    void outline_inputs(KeyInputs& inputs, std::string& lines) {
        if (take("{}")) return;
        expect("{\n");
        while (ok_ && !rest_.starts_with("  }")) {
            const auto end = rest_.find('\n');
            ok_ = end != std::string_view::npos && rest_.starts_with("    \"");
            if (!ok_) return;
            const auto name = rest_.substr(5);
            if (is_of_build(name)) {
                lines.append(rest_.substr(0, end + 1));
                rest_.remove_prefix(end + 1);
            } else if (name.starts_with("property.")) {
                rest_.remove_prefix(end + 1);
            } else {
                member(inputs);
                (void)take(",");
                expect("\n");
            }
        }
        expect("  }");
    }

    // Reads the lines that `outline_inputs` has collected.
    std::optional<KeyInputs> members() {
        KeyInputs inputs;
        while (ok_ && !rest_.empty()) {
            member(inputs);
            (void)take(",");
            expect("\n");
        }
        return ok_ ? std::optional(std::move(inputs)) : std::nullopt;
    }

private:
    bool take(std::string_view literal) {
        if (!ok_ || !rest_.starts_with(literal)) return false;
        rest_.remove_prefix(literal.size());
        return true;
    }
    void expect(std::string_view literal) { ok_ = take(literal); }

    std::uint64_t integer() {
        std::uint64_t value = 0;
        const auto [end, status] =
            std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
        const auto size = static_cast<std::size_t>(end - rest_.data());
        ok_ &= status == std::errc{} && (size == 1 || rest_.front() != '0') &&
               value <= static_cast<std::uint64_t>(INT64_MAX);
        rest_.remove_prefix(size);
        return value;
    }

    std::string_view string() {
        expect("\"");
        const auto end = rest_.find('"');
        if (!ok_ || end == std::string_view::npos) {
            ok_ = false;
            return {};
        }
        const auto value = rest_.substr(0, end);
        ok_ = value.find('\n') == std::string_view::npos;
        rest_.remove_prefix(end + 1);
        return value;
    }

    Digest digest() {
        const auto value = Digest::from_hex(string());
        ok_ &= value.has_value();
        return value ? *value : Digest{};
    }

    // Reads one line of a map without its end; the name must be greater than the last one in `map`.
    void member(std::map<std::string, std::string>& map) {
        expect("    ");
        const auto name = string();
        expect(": ");
        const auto value = string();
        ok_ &= map.empty() || std::string_view(map.rbegin()->first) < name;
        if (ok_) map.emplace_hint(map.end(), name, value);
    }

    // Reads a list of objects; `indent` is that of the line where it begins.
    template <class Item>
    void list(std::string_view indent, const Item& item) {
        if (take("[]")) return;
        expect("[\n");
        do {
            expect(indent);
            expect("  {\n");
            item();
            expect(indent);
            expect("  }");
        } while (take(",\n"));
        expect("\n");
        expect(indent);
        expect("]");
    }

    Part part() {
        Part part;
        expect("      \"bytes\": ");
        part.bytes = integer();
        expect(",\n      \"name\": ");
        part.name = string();
        expect(",\n      \"object\": ");
        part.object = digest();
        expect("\n");
        return part;
    }

    void model(ModelInfo& model) {
        expect("{\n    \"files\": ");
        list("    ", [&] {
            SourceFile file;
            expect("        \"bytes\": ");
            file.bytes = integer();
            expect(",\n        \"digest\": ");
            file.digest = digest();
            expect(",\n        \"role\": ");
            file.role = string();
            expect("\n");
            model.files.push_back(std::move(file));
        });
        expect(",\n    \"kind\": ");
        model.kind = string();
        expect(",\n    \"path\": ");
        model.path = string();
        expect("\n  }");
    }

    std::string_view rest_;
    bool ok_ = true;
};

}  // namespace

std::optional<Manifest> scan_manifest(std::string_view text) {
    if (!is_plain(text)) return {};
    ManifestScanner scanner(text);
    auto manifest = scanner.scan([&](Manifest& scanned) { scanner.map(scanned.key_inputs); });
    if (!manifest || !holds_its_digest(text)) return {};
    return manifest;
}

std::optional<KeyInputs> scan_members(std::string_view lines) {
    return ManifestScanner(lines).members();
}

std::optional<ManifestSummary> summarise_manifest(std::string_view text, SharedInputs& shared) {
    if (!is_plain(text)) return {};
    ManifestScanner scanner(text);
    std::string lines;
    auto manifest =
        scanner.scan([&](Manifest& scanned) { scanner.outline_inputs(scanned.key_inputs, lines); });
    if (!manifest || manifest->parts.empty()) return {};
    auto built_for = shared.spelt(lines);
    if (!built_for) return {};
    return ManifestSummary{std::move(*manifest), std::move(built_for)};
}

}  // namespace larder::internal::format
