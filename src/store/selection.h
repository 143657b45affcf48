// Which entries go where there is no room for all. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace larder::internal::store {

struct Candidate {
    std::uint64_t own_bytes = 0;         // of its manifest
    std::vector<std::uint32_t> objects;  // indices of what it uses, each once
    double worth = 0;
    bool stays = false;   // is pinned, say: neither it nor what it uses goes
    bool recent = false;  // goes only when nothing else is left
};

struct Selected {
    std::uint32_t candidate = 0;
    std::uint64_t freed_bytes = 0;  // by its going, after those before it
};

// Those that are worth least for the bytes that their going frees, until `bytes` are freed or
// nobody is left. Objects are freed with the last entry that uses them: entries that share one are
// also weighed together, so that each step frees something, and what is shared is not held for ever
// by entries of no worth.
[[nodiscard]] std::vector<Selected> select_entries(std::span<const Candidate> candidates,
                                                   std::span<const std::uint64_t> object_bytes,
                                                   std::uint64_t bytes);

}  // namespace larder::internal::store
