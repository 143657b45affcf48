// Entries that hold what a device unpacks the blob of another entry into.
#pragma once

#include <string>

#include "format/manifest.h"

namespace larder::internal::cache {

// The key inputs of the entry that belongs to a blob's.
[[nodiscard]] format::KeyInputs unpacked_inputs(const format::KeyInputs& blob_inputs);
// The key of the entry that an earlier larder kept, which is not to be used any more.
[[nodiscard]] format::Key earlier_unpacked_key(const format::KeyInputs& blob_inputs);
// What is the same of every such entry of a blob with this key.
[[nodiscard]] format::Manifest unpacked_manifest(const format::Key& blob,
                                                 const format::KeyInputs& blob_inputs);
// The key of the blob's entry, in hexadecimal; empty for an entry that is none of these.
[[nodiscard]] std::string unpacked_from(const format::Manifest& manifest);

}  // namespace larder::internal::cache
