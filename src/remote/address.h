// The URL of a storage that machines share.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/system.h"
#include "remote/http.h"
#include "remote/tier.h"

namespace larder::internal::remote {

struct Address {
    enum class Kind { directory, http, s3 };

    Kind kind = Kind::directory;
    // The directory's absolute path; the URL without a slash at its end; or the prefix of the keys.
    std::string path;
    std::string bucket;         // of s3
    bool is_read_only = false;  // "?read-only"
    bool is_unsigned = false;   // "?unsigned": entries are taken without a trusted signature

    bool operator==(const Address&) const = default;
};

// "file:///mnt/models", "https://host/path" or "s3://bucket/prefix", with "?read-only",
// "?unsigned" or both, joined by "&". Percent-encoded bytes are decoded, except of HTTP.
// Errc::invalid_argument for anything else; the message says what is known, and repeats no
// password.
[[nodiscard]] Result<Address> parse_address(std::string_view url);

struct TierOptions {
    // How storages are reached: what begins with one of k_variable_prefixes, by name.
    std::map<std::string, std::string> variables;
    std::function<bool()> is_ended;  // true ends what waits for a network; empty: never
    HttpLimits limits;
};
inline constexpr std::string_view k_variable_prefixes[] = {"AWS_", "CURL_CA_BUNDLE",
                                                           "SSL_CERT_FILE", "HOME", "NETRC"};

// Makes nothing and asks no server yet. `system` must outlive the tier. Fails if the settings of
// AWS cannot be read, or the machine has no libcurl for a storage behind a network.
[[nodiscard]] Result<std::unique_ptr<Tier>> open_tier(const os::System& system,
                                                      const Address& address,
                                                      const TierOptions& options);

}  // namespace larder::internal::remote
