// Finds models whose blobs are likely to be variants of one another.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/digest.h"

namespace larder::internal::cache {

// Models whose largest piece (a file or a constant) is the same are likely to share most bytes of
// their blobs: the same model for another shape, with other properties, or exported once more.
class Family {
public:
    void add(std::uint64_t bytes, const Digest& digest) {
        if (bytes < k_bytes_min || bytes < bytes_) return;
        // Of several pieces of the same size, takes one independently of their order.
        if (bytes == bytes_ && digest_ < digest) return;
        bytes_ = bytes;
        digest_ = digest;
    }
    [[nodiscard]] std::optional<Digest> on(std::string_view device) const {
        if (bytes_ == 0) return std::nullopt;
        return Hasher("larder family 1")
            .update_field(device)
            .update(std::as_bytes(std::span(digest_.bytes)))
            .finish();
    }

private:
    // Smaller pieces are often equal by chance, and sharing them gains nothing.
    static constexpr std::uint64_t k_bytes_min = std::uint64_t{64} << 10;

    std::uint64_t bytes_ = 0;
    Digest digest_;
};

}  // namespace larder::internal::cache
