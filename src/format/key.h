// The key of an entry.
#pragma once

#include <compare>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace larder::internal::format {

// Everything that decides a blob, by name: "model.fingerprint", "device.full_name",
// "property.PERFORMANCE_HINT"…
using KeyInputs = std::map<std::string, std::string>;

// A type of its own, so that it is not confused with the digest of an object.
struct Key {
    Digest digest;

    auto operator<=>(const Key&) const = default;

    [[nodiscard]] std::string hex() const { return digest.hex(); }
    // Errc::invalid_argument unless `text` is exactly 64 lower-case hexadecimal characters.
    [[nodiscard]] static Result<Key> from_hex(std::string_view text);
};

[[nodiscard]] Key key_of(const KeyInputs& inputs);

}  // namespace larder::internal::format

template <>
struct std::hash<larder::internal::format::Key> {
    std::size_t operator()(const larder::internal::format::Key& key) const noexcept {
        return std::hash<larder::internal::Digest>()(key.digest);
    }
};
