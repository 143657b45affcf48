// The encoding of topologies in the CPU plugin's blobs: exclusive-or with a short, repeated key.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace larder::internal::format {

class RepeatedKey {
public:
    // Finds the key of an encoded topology; plain text has one too. Returns nothing if it is
    // encoded in another way: a key of more than 14 characters is not found.
    [[nodiscard]] static std::optional<RepeatedKey> of(std::string_view encoded);
    // Encodes and decodes.
    [[nodiscard]] std::string apply(std::string text) const;

private:
    explicit RepeatedKey(std::string key) : key_(std::move(key)) {}
    std::string key_;
};

// The runtime begins and ends every topology with these.
inline constexpr std::string_view k_topology_begin = "<?xml version=\"1.0\"?>\n";
inline constexpr std::string_view k_topology_end = "</net>\n";

}  // namespace larder::internal::format
