// Selects the entries to evict if there is no room for all. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace larder::internal::store {

struct Candidate {
    std::uint64_t own_bytes = 0;         // of its manifest
    std::vector<std::uint32_t> objects;  // indices of the objects that it uses, each once
    double worth = 0;
    bool stays = false;   // for example, it is pinned: neither it nor its objects are removed
    bool recent = false;  // removed only if nothing else is left
};

struct Selected {
    std::uint32_t candidate = 0;
    std::uint64_t freed_bytes = 0;  // freed by this entry, after those before it
};

// Selects the entries that are worth least for the bytes that they free, until `bytes` are freed or
// none is left. An object is freed with the last entry that uses it. Therefore entries that share
// an object are also weighed as a group, so that each step frees something and worthless entries
// cannot hold a shared object for ever.
[[nodiscard]] std::vector<Selected> select_entries(std::span<const Candidate> candidates,
                                                   std::span<const std::uint64_t> object_bytes,
                                                   std::uint64_t bytes);

}  // namespace larder::internal::store
