// Notes in the manifests of entries.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>

#include "format/manifest.h"

namespace larder::internal::cache {

// Says why an entry holds weights that may also be in the model's own files.
inline constexpr const char* k_weights_note = "weights kept";

// Returns an empty string if the manifest has no such note.
[[nodiscard]] inline std::string note_in(const format::Manifest& manifest, const char* name) {
    const auto found = manifest.notes.find(name);
    return found == manifest.notes.end() ? std::string{} : found->second;
}

// Returns `otherwise` if the manifest has no such note, or it is not a number.
template <typename Number>
[[nodiscard]] Number number_in(const format::Manifest& manifest, const char* name,
                               Number otherwise) {
    const auto text = note_in(manifest, name);
    std::from_chars(text.data(), text.data() + text.size(), otherwise);
    return otherwise;
}

}  // namespace larder::internal::cache
