// How several readers share one file. Private to store/.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "os/file_system.h"

namespace larder::internal::store {

// One contiguous part of a file for each reader, in order, through an open file of its own: that is
// what the kernel reads ahead of, in ever larger folios and requests. Readers that take turns in
// one part, or through one open file, get small ones, which are slower and cost more CPU.
class Stripes {
public:
    // Of a file of so many pieces.
    Stripes(std::uint64_t pieces, std::uint64_t readers) : stripes_(readers) {
        for (std::uint64_t i = 0; i < readers; ++i) {
            stripes_[i].next = pieces * i / readers;
            stripes_[i].end = pieces * (i + 1) / readers;
        }
    }

    // The piece to be read next: of the reader's own stripe, then of those that are not through.
    [[nodiscard]] std::optional<std::uint64_t> take(std::uint64_t reader) {
        for (std::uint64_t i = 0; i < stripes_.size(); ++i) {
            auto& stripe = stripes_[(reader + i) % stripes_.size()];
            if (stripe.next >= stripe.end) continue;
            const auto piece = stripe.next.fetch_add(1);
            if (piece < stripe.end) return piece;
        }
        return std::nullopt;
    }

private:
    struct Stripe {
        std::atomic<std::uint64_t> next{0};
        std::uint64_t end = 0;
    };
    std::vector<Stripe> stripes_;
};

// Nothing where there is none to be had: readers that share one are slower, and as right.
[[nodiscard]] inline std::unique_ptr<os::File> reopened(os::File& file) {
    auto again = file.reopen();
    return again ? std::move(*again) : nullptr;
}

}  // namespace larder::internal::store
