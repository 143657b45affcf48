// Objections to blobs of a key: crashes of processes that used one, and refusals by the runtime.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/digest.h"
#include "base/log.h"
#include "cache/entries/blame.h"
#include "format/manifest.h"

namespace larder::internal::cache {

// After this many refusals by the runtime, no blob of a key is published again: the entry says so
// instead. Several are needed because the refusing process may be another build than the one that
// exported; a process that refuses what it has just exported always will.
inline constexpr std::uint64_t k_refusals_max = 2;

struct Objections {
    Blame blame;                    // crashes, as the last entry found has noted them
    std::uint64_t refusals = 0;     // of fresh exports
    std::optional<Digest> refused;  // an object that the runtime did not accept in this request
    std::string warning;            // about it, to be logged once the model itself compiles
    bool is_innocent = false;       // the model crashes without the object in the same way

    // Takes over what an entry has noted.
    void read(const format::Manifest& manifest, std::int64_t now_ns);
    void note_in(format::Manifest& manifest) const;
    [[nodiscard]] bool are_none() const { return !refused && refusals == 0 && blame.crashes == 0; }
    // Says why no blob of the key is published; empty if one may be.
    [[nodiscard]] std::string reason_to_withhold() const;
    // To be called once a model was compiled: its blob was to blame, and not the model.
    void warn(Log& log) const;
};

}  // namespace larder::internal::cache
