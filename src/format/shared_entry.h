// An entry as it lies in a storage that machines share: its manifest, and who signed it. The
// grammar is in docs/format.md.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "format/manifest.h"

namespace larder::internal::format {

struct SharedEntry {
    std::string manifest;  // as `encode_manifest` wrote it
    // By public key: the signature of `text_to_sign`. Both in lower-case hexadecimal.
    std::map<std::string, std::string> signatures;

    bool operator==(const SharedEntry&) const = default;
};

inline constexpr std::uint64_t k_shared_entry_bytes_max = 3 * k_manifest_bytes_max;

[[nodiscard]] std::string encode_shared_entry(const SharedEntry& entry);

// Errc::unsupported for a newer format, Errc::damaged for everything that `encode_shared_entry`
// does not write. Neither the manifest nor a signature is looked at.
[[nodiscard]] Result<SharedEntry> decode_shared_entry(std::string_view text);

// The bytes that a signature is of: they begin with what they are, so that a signature cannot be
// taken for one of anything else.
[[nodiscard]] std::string text_to_sign(const SharedEntry& entry);

}  // namespace larder::internal::format
