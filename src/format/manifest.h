// The manifest of an entry: the inputs of its key, the objects that hold it, and its origin. The
// grammar is in docs/format.md.
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

// Says how the parts make up what was published.
enum class Encoding {
    raw,         // one part, the blob itself
    files,       // a set of files with names
    variant,     // a blob in two parts, `base` and `delta`: of an earlier larder, not read any more
    compressed,  // a blob, in one part, `frames`
    encrypted,   // a blob, by callbacks of the program's, in one part, `pieces`
    referring,   // a blob: `made` holds what the compiler made, and says where the rest is, in the
                 // model's own files and in other objects, each of which is a part, too
};

// Returns "raw", "variant"…, as in a manifest.
[[nodiscard]] std::string_view to_string(Encoding encoding);
[[nodiscard]] std::optional<Encoding> parse_encoding(std::string_view text);
// Tells whether a blob in this encoding has another length than its parts.
[[nodiscard]] bool has_blob_bytes(Encoding encoding);

// Says whether a blob can be loaded without the model's files.
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

// Describes the compiled model for people: none of it decides a hit.
struct ModelInfo {
    std::string path;  // as first seen, or the caller's name for the model
    std::string kind;  // "ir", "onnx", "gguf", "memory", "caller"…
    std::vector<SourceFile> files;

    bool operator==(const ModelInfo&) const = default;
};

struct Manifest {
    Key key;
    KeyInputs key_inputs;
    Encoding encoding = Encoding::raw;
    std::vector<Part> parts;
    std::uint64_t blob_bytes = 0;  // if the parts do not show it: see has_blob_bytes
    ModelInfo model;
    std::string device;  // as asked for
    std::int64_t created_at_ns = 0;
    std::uint64_t compile_ms = 0;
    std::string requirements;  // of the blob, according to the runtime
    Weights weights = Weights::embedded;
    std::map<std::string, std::string> notes;  // further information, by name

    bool operator==(const Manifest&) const = default;

    // The size of what was published: the blob, or all files.
    [[nodiscard]] std::uint64_t total_bytes() const;
    // The part of these bytes that is in the model's own files; approximate, because the table
    // takes a few bytes.
    [[nodiscard]] std::uint64_t referred_bytes() const;
    // The part with an object that no other blob has: the one that is tried, refused and
    // quarantined. There must be parts.
    [[nodiscard]] const Part& own_part() const;
};

// Strings may hold any bytes; names in `key_inputs` and `notes` must be UTF-8.
// Errc::invalid_argument if `decode_manifest` would not accept `manifest`.
[[nodiscard]] Result<std::string> encode_manifest(const Manifest& manifest);

// Accepts exactly what `encode_manifest` writes for `key`, of this format or one that adds members.
// Errc::unsupported for a newer format or an unknown encoding, Errc::damaged for everything else.
[[nodiscard]] Result<Manifest> decode_manifest(std::string_view text, const Key& key);

struct ManifestSummary {
    Manifest manifest;  // without the key inputs of the build and of properties
    std::shared_ptr<const KeyInputs> built_for;  // "device.…" and "runtime.…"; never null
};

// Reads all but the key inputs "property.…", at a tenth of the cost of `decode_manifest`, for lists
// of all entries. Verifies nothing, but gives the same result for an undamaged manifest. Absent in
// the same cases as `outline_manifest`.
[[nodiscard]] std::optional<ManifestSummary> summarise_manifest(std::string_view text,
                                                                SharedInputs& shared);

// The objects that an entry uses, and the facts that decide its worth.
struct ManifestOutline {
    std::vector<Digest> objects;  // in the order of the parts; may contain duplicates
    std::uint64_t compile_ms = 0;
    std::int64_t created_at_ns = 0;
};

// Reads a manifest at a fiftieth of the cost of `decode_manifest`, for scans of all entries.
// Verifies nothing, but gives the same result for an undamaged manifest. Absent if `text` does not
// look like one of this format: then `decode_manifest` says what it is.
[[nodiscard]] std::optional<ManifestOutline> outline_manifest(std::string_view text);

// Tells whether `name` can be the name of a part in Encoding::files: one path component, not "." or
// "..", at most 255 bytes of printable UTF-8.
[[nodiscard]] bool is_file_name(std::string_view name);

}  // namespace larder::internal::format
