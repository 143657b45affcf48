// Divides one file among several readers. Private to store/.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "os/file_system.h"

namespace larder::internal::store {

// One contiguous part of a file for each reader, in order, read through an open file of its own:
// this is the pattern that the kernel reads ahead for, in ever larger folios and requests. Readers
// that take turns in one part, or share one open file, cause small requests, which are slower and
// cost more CPU.
class Stripes {
public:
    // For a file of this many pieces.
    Stripes(std::uint64_t pieces, std::uint64_t readers) : stripes_(readers) {
        for (std::uint64_t i = 0; i < readers; ++i) {
            stripes_[i].next = pieces * i / readers;
            stripes_[i].end = pieces * (i + 1) / readers;
        }
    }

    // Returns the piece to read next: of the reader's own stripe, then of stripes that are
    // unfinished.
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

// Returns null if the file cannot be reopened: readers that share one are slower, and as correct.
[[nodiscard]] inline std::unique_ptr<os::File> reopened(os::File& file) {
    auto again = file.reopen();
    return again ? std::move(*again) : nullptr;
}

}  // namespace larder::internal::store
