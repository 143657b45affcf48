// Reads manifests in the exact spelling that larder writes, at a fifth of the cost of a JSON parser
// and writer: listing a hundred thousand entries depends on this. Private to format/.
#pragma once

#include <optional>
#include <string_view>

#include "format/manifest.h"

namespace larder::internal::format {

// Returns the content of `text` if its digest over itself is right. Absent if it contains anything
// unusual (escapes, bytes that are not UTF-8, members of a newer larder, damage): then
// decode_manifest says what it is. Accepts nothing that decode_manifest would refuse, except that
// it does not check the meaning of values.
[[nodiscard]] std::optional<Manifest> scan_manifest(std::string_view text);

// Reads lines like those of the member "key_inputs", each with or without a comma.
[[nodiscard]] std::optional<KeyInputs> scan_members(std::string_view lines);

}  // namespace larder::internal::format
