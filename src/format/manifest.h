// An entry: what its key was made of, which objects hold it, and where it came from. The grammar is
// in docs/format.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "format/key.h"
#include "format/shared_inputs.h"

namespace larder::internal::format {

inline constexpr std::uint64_t k_manifest_format = 1;
inline constexpr std::uint64_t k_manifest_bytes_max = std::uint64_t{16} << 20;

// How the parts make up what was kept.
enum class Encoding {
    raw,         // one part, the blob itself
    files,       // a set of files with names
    variant,     // a blob in two parts, `base` and `delta`: of an earlier larder, not read any more
    compressed,  // a blob, in one part, `frames`
    encrypted,   // a blob, by callbacks of the program's, in one part, `pieces`
    referring,   // a blob: `made` holds what the compiler made, and says where the rest is, in the
                 // model's own files and in other objects, each of which is a part, too
};

// As in a manifest: "raw", "variant"…
[[nodiscard]] std::string_view to_string(Encoding encoding);
[[nodiscard]] std::optional<Encoding> parse_encoding(std::string_view text);
// Whether a blob so kept is of another length than its parts.
[[nodiscard]] bool has_blob_bytes(Encoding encoding);

// Whether a blob can be loaded without the model's files.
enum class Weights { embedded, external };

struct Part {
    std::string name;  // a file's name in Encoding::files, a k_…_part, or empty in Encoding::raw
    Digest object;
    std::uint64_t bytes = 0;

    bool operator==(const Part&) const = default;
};

inline constexpr std::string_view k_base_part = "base";
inline constexpr std::string_view k_delta_part = "delta";
inline constexpr std::string_view k_frames_part = "frames";
inline constexpr std::string_view k_pieces_part = "pieces";
inline constexpr std::string_view k_made_part = "made";
// Of Encoding::referring, and a number: another object that has bytes of the blob.
inline constexpr std::string_view k_shared_part = "shared ";
// How many they are, of that blob.
inline constexpr const char* k_shared_note = "shared bytes";

struct SourceFile {
    std::string role;  // "xml", "bin", a shard's number…
    Digest digest;
    std::uint64_t bytes = 0;

    bool operator==(const SourceFile&) const = default;
};

// What was compiled, for people: nothing of it decides a hit.
struct ModelInfo {
    std::string path;  // as first seen, or what the caller called it
    std::string kind;  // "ir", "onnx", "gguf", "memory", "caller"…
    std::vector<SourceFile> files;

    bool operator==(const ModelInfo&) const = default;
};

struct Manifest {
    Key key;
    KeyInputs key_inputs;
    Encoding encoding = Encoding::raw;
    std::vector<Part> parts;
    std::uint64_t blob_bytes = 0;  // where the parts do not tell: see has_blob_bytes
    ModelInfo model;
    std::string device;  // as asked for
    std::int64_t created_at_ns = 0;
    std::uint64_t compile_ms = 0;
    std::string requirements;  // what the runtime says the blob needs
    Weights weights = Weights::embedded;
    std::map<std::string, std::string> notes;  // whatever else somebody wants to read later

    bool operator==(const Manifest&) const = default;

    // Of what was kept: the blob, or all files.
    [[nodiscard]] std::uint64_t total_bytes() const;
    // Of these, what lies in the model's own files; about, as the table takes a little.
    [[nodiscard]] std::uint64_t referred_bytes() const;
    // The part with an object that no other blob has: what is tried, refused and set aside. There
    // must be parts.
    [[nodiscard]] const Part& own_part() const;
};

// Strings may hold any bytes; names in `key_inputs` and `notes` must be UTF-8. Fails with
// Errc::invalid_argument where `manifest` would not pass `decode_manifest`.
[[nodiscard]] Result<std::string> encode_manifest(const Manifest& manifest);

// Accepts exactly what `encode_manifest` writes for `key`, of this format or one that adds members.
// Errc::unsupported for a newer format or an unknown encoding, Errc::damaged for everything else.
[[nodiscard]] Result<Manifest> decode_manifest(std::string_view text, const Key& key);

struct ManifestSummary {
    Manifest manifest;  // but for the key inputs of the build and properties
    std::shared_ptr<const KeyInputs> built_for;  // "device.…" and "runtime.…"; never null
};

// A tenth of the work of `decode_manifest`, for who shows every entry: all but the key inputs
// "property.…". Proves nothing, but of a manifest that is whole it tells the same. Absent as for
// `outline_manifest`.
[[nodiscard]] std::optional<ManifestSummary> summarise_manifest(std::string_view text,
                                                                SharedInputs& shared);

// What of a manifest tells which objects it uses and what it is worth.
struct ManifestOutline {
    std::vector<Digest> objects;  // in the order of the parts; one may be there twice
    std::uint64_t compile_ms = 0;
    std::int64_t created_at_ns = 0;
};

// A fiftieth of the work of `decode_manifest`, for who looks at every entry: proves nothing, but of
// a manifest that is whole it tells the same. Absent where `text` does not look like one of this
// format: then `decode_manifest` says what it is.
[[nodiscard]] std::optional<ManifestOutline> outline_manifest(std::string_view text);

// Whether `name` can be the name of a part in Encoding::files: one path component, not "." or "..",
// at most 255 bytes of printable UTF-8.
[[nodiscard]] bool is_file_name(std::string_view name);

}  // namespace larder::internal::format
