// The entries in a shared storage.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "format/manifest.h"
#include "format/shared_entry.h"
#include "remote/signature.h"
#include "remote/tier.h"

namespace larder::internal::exchange {

// Whose entries are taken.
struct Trust {
    std::set<remote::PublicKey> keys;
    bool takes_unsigned = false;  // entries that none of `keys` signed, too
};

struct SharedEntryInfo {
    format::Key key;
    format::Manifest manifest;         // where `refusal` is empty
    std::vector<std::string> signers;  // public keys in hexadecimal, those with a right signature
    std::string refusal;               // why the entry is not taken; empty if it is
    bool is_damaged = false;           // which is why it is not taken
    bool is_newer = false;             // of a newer larder, which is why it is not taken
    std::int64_t written_at_ns = 0;
};

[[nodiscard]] std::string entry_name(const format::Key& key);
[[nodiscard]] std::string object_name(const Digest& object);

// One entry, checked. Errc::not_found where there is none; any other fault of the entry itself is
// its `refusal`.
[[nodiscard]] Result<SharedEntryInfo> read_shared_entry(remote::Tier& tier, const format::Key& key,
                                                        const Trust& trust);

// The keys whose entries are there, in order. An absent storage holds none.
[[nodiscard]] Result<std::vector<format::Key>> list_shared_keys(remote::Tier& tier);

}  // namespace larder::internal::exchange
