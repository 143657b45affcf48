// Decides whether storing a model's blob gains anything, and drops blobs that gain nothing.
#pragma once

#include <cstdint>
#include <string>

#include "cache/session/session.h"
#include "format/manifest.h"

namespace larder::internal::cache {

// Describes a load of an entry.
struct Loaded {
    format::Manifest manifest;
    std::int64_t began_ns = 0;  // of the request, since the epoch
    std::int64_t ended_ns = 0;
    // The time that the load took and a compile would not: all but identifying the model and
    // waiting.
    std::uint64_t spent_ms = 0;
};

// Records how long a load took compared to compiling. Returns the reason if the blob should be
// dropped; empty if it stays. A blob is dropped if none of so many consecutive loads was faster
// than compiling that a busy machine cannot be the cause: loads in one minute count once, loads
// that overlap with other requests do not count. Blobs that save memory or take little room stay,
// and so do pinned ones.
[[nodiscard]] std::string reason_to_drop(Session& session, store::Store& store,
                                         const Loaded& loaded);

// Returns the same entry without its blob.
[[nodiscard]] store::Publication without_blob(format::Manifest manifest, std::string reason);

[[nodiscard]] bool is_withheld_for_gain(const format::Manifest& manifest);
// Returns the command that allows a blob again for a withheld entry.
[[nodiscard]] std::string lifting_command(const format::Manifest& manifest);
// Tells whether a blob is to be published although loading it gains nothing: a setting or a pin
// asks for it.
[[nodiscard]] bool is_wanted_all_the_same(const Session& session, store::Store& store,
                                          const format::Manifest& manifest);

}  // namespace larder::internal::cache
