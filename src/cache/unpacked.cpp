#include "cache/unpacked.h"

namespace larder::internal::cache {
namespace {

constexpr const char* k_form_input = "kept.form";
// Those of an earlier larder, "unpacked", may hold data of programs.
constexpr const char* k_unpacked = "unpacked-2";
constexpr const char* k_unpacked_earlier = "unpacked";
constexpr const char* k_from_note = "unpacked_from";

}  // namespace

format::KeyInputs unpacked_inputs(const format::KeyInputs& blob_inputs) {
    auto inputs = blob_inputs;
    inputs[k_form_input] = k_unpacked;
    return inputs;
}

format::Key earlier_unpacked_key(const format::KeyInputs& blob_inputs) {
    auto inputs = blob_inputs;
    inputs[k_form_input] = k_unpacked_earlier;
    return format::key_of(inputs);
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
    const auto found = manifest.notes.find(k_from_note);
    return found == manifest.notes.end() ? std::string{} : found->second;
}

}  // namespace larder::internal::cache
