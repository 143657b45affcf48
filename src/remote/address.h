// The URL of a storage that machines share.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/system.h"
#include "remote/tier.h"

namespace larder::internal::remote {

struct Address {
    std::string path;           // of the directory, absolute
    bool is_read_only = false;  // "?read-only"
    bool is_unsigned = false;   // "?unsigned": entries are taken without a trusted signature

    bool operator==(const Address&) const = default;
};

// "file:///mnt/models", with "?read-only", "?unsigned" or both, joined by "&". Percent-encoded
// bytes are decoded. Errc::invalid_argument for anything else; the message says what is known.
[[nodiscard]] Result<Address> parse_address(std::string_view url);

// Makes nothing and reads nothing yet. `system` must outlive the tier.
[[nodiscard]] std::unique_ptr<Tier> open_tier(const os::System& system, const Address& address);

}  // namespace larder::internal::remote
