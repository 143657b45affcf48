// Reads manifests in the one spelling that larder writes, at a fifth of what a JSON parser and
// writer take: who lists a hundred thousand entries waits for this. Private to format/.
#pragma once

#include <optional>
#include <string_view>

#include "format/manifest.h"

namespace larder::internal::format {

// What `text` says, and the digest that it holds over itself is right. Absent where it holds
// anything unusual (escapes, bytes that are no UTF-8, members of a newer larder, damage): then
// decode_manifest says what it is. Accepts nothing that the strict way would refuse, but for what
// the values mean.
[[nodiscard]] std::optional<Manifest> scan_manifest(std::string_view text);

// Of lines as those of the member "key_inputs", each with or without a comma.
[[nodiscard]] std::optional<KeyInputs> scan_members(std::string_view lines);

}  // namespace larder::internal::format
