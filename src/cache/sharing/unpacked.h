// Entries that hold the memory blocks that a device unpacks the blob of another entry into.
#pragma once

#include <string>

#include "format/manifest.h"

namespace larder::internal::cache {

// Returns the key inputs of the entry that belongs to a blob's.
[[nodiscard]] format::KeyInputs unpacked_inputs(const format::KeyInputs& blob_inputs);
// Returns the key of such an entry of an earlier larder version, which must not be used any more.
[[nodiscard]] format::Key earlier_unpacked_key(const format::KeyInputs& blob_inputs);
// Returns the fields that all such entries of a blob with this key have in common.
[[nodiscard]] format::Manifest unpacked_manifest(const format::Key& blob,
                                                 const format::KeyInputs& blob_inputs);
// Returns the key of the blob's entry, in hexadecimal; empty for an entry of another kind.
[[nodiscard]] std::string unpacked_from(const format::Manifest& manifest);

}  // namespace larder::internal::cache
