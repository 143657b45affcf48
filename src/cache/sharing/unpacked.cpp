#include "cache/sharing/unpacked.h"

#include "cache/entries/kept_form.h"
#include "cache/entries/notes.h"

namespace larder::internal::cache {
namespace {

// Entries of earlier larder versions, named "unpacked", may hold data of programs.
constexpr const char* k_unpacked = "unpacked-2";
constexpr const char* k_unpacked_earlier = "unpacked";
constexpr const char* k_from_note = "unpacked_from";

}  // namespace

format::KeyInputs unpacked_inputs(const format::KeyInputs& blob_inputs) {
    return inputs_in_form(blob_inputs, k_unpacked);
}

format::Key earlier_unpacked_key(const format::KeyInputs& blob_inputs) {
    return format::key_of(inputs_in_form(blob_inputs, k_unpacked_earlier));
}

format::Manifest unpacked_manifest(const format::Key& blob, const format::KeyInputs& blob_inputs) {
    format::Manifest manifest;
    manifest.key_inputs = unpacked_inputs(blob_inputs);
    manifest.key = format::key_of(manifest.key_inputs);
    manifest.encoding = format::Encoding::files;
    manifest.notes[k_from_note] = blob.hex();
    return manifest;
}

std::string unpacked_from(const format::Manifest& manifest) {
    return note_in(manifest, k_from_note);
}

}  // namespace larder::internal::cache
