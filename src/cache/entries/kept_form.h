// Entries that belong to the entry of a blob: for the same request, in another form.
#pragma once

#include <string>
#include <utility>

#include "format/key.h"
#include "format/manifest.h"

namespace larder::internal::cache {

// Returns the key inputs of such an entry.
[[nodiscard]] inline format::KeyInputs inputs_in_form(format::KeyInputs blob_inputs,
                                                      const char* form) {
    blob_inputs["kept.form"] = form;
    return blob_inputs;
}

// The note that says why an entry holds weights that may also be in the model's own files.
inline constexpr const char* k_weights_note = "weights kept";

// Returns an empty string if the manifest has no such note.
[[nodiscard]] inline std::string note_in(const format::Manifest& manifest, const char* name) {
    const auto found = manifest.notes.find(name);
    return found == manifest.notes.end() ? std::string{} : found->second;
}

}  // namespace larder::internal::cache
