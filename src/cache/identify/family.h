// Which models are likely to have blobs with bytes in common.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/digest.h"

namespace larder::internal::cache {

// Models whose largest piece is the same, a file or a constant, are likely to share most bytes of
// their blobs: the same model for another shape, with other properties, exported once more. So are
// models of one graph, of which one may have been tuned from another.
class Families {
public:
    void add(std::uint64_t bytes, const Digest& digest) {
        if (bytes < k_bytes_min || bytes < bytes_) return;
        // Of several pieces of the same size, takes one independently of their order.
        if (bytes == bytes_ && digest_ < digest) return;
        bytes_ = bytes;
        digest_ = digest;
    }
    // Of a file that describes a graph whose weights are in others.
    void add_graph(const Digest& digest) { graph_ = digest; }
    [[nodiscard]] std::vector<Digest> on(std::string_view device) const {
        std::vector<Digest> families;
        if (bytes_ == 0) return families;
        const auto add_family = [&](const Digest& of) {
            families.push_back(Hasher("larder family 1")
                                   .update_field(device)
                                   .update(std::as_bytes(std::span(of.bytes)))
                                   .finish());
        };
        add_family(digest_);
        if (graph_ && *graph_ != digest_) add_family(*graph_);
        return families;
    }

private:
    // Smaller pieces are often equal by chance, and sharing them gains nothing.
    static constexpr std::uint64_t k_bytes_min = std::uint64_t{64} << 10;

    std::uint64_t bytes_ = 0;
    Digest digest_;
    std::optional<Digest> graph_;
};

}  // namespace larder::internal::cache
