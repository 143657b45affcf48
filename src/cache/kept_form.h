// Entries that belong to a blob's: of the same request, kept in another form.
#pragma once

#include <string>
#include <utility>

#include "format/key.h"
#include "format/manifest.h"

namespace larder::internal::cache {

// The key inputs of such an entry.
[[nodiscard]] inline format::KeyInputs inputs_in_form(format::KeyInputs blob_inputs,
                                                      const char* form) {
    blob_inputs["kept.form"] = form;
    return blob_inputs;
}

// The note of why weights are kept that the model's own files may have.
inline constexpr const char* k_weights_note = "weights kept";

// Empty where the manifest has no such note.
[[nodiscard]] inline std::string note_in(const format::Manifest& manifest, const char* name) {
    const auto found = manifest.notes.find(name);
    return found == manifest.notes.end() ? std::string{} : found->second;
}

}  // namespace larder::internal::cache
