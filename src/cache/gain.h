// Whether keeping a model gains anything, and what becomes of one that does not.
#pragma once

#include <cstdint>
#include <string>

#include "cache/session.h"
#include "format/manifest.h"

namespace larder::internal::cache {

// What a request found of the entry that it loaded.
struct Loaded {
    format::Manifest manifest;
    std::int64_t began_ns = 0;  // of the request, since the epoch
    std::int64_t ended_ns = 0;
    // What it spent and a compile would not: all but what telling the model apart takes.
    std::uint64_t spent_ms = 0;
};

// Notes how long a load took, as against compiling. A blob is not to be kept any more where no load
// of it was quicker, over so many in a row that no moment of a busy machine can make the
// difference: loads in one minute count once, those that overlap with other requests not at all.
// Blobs that save memory, or next to no room, stay, and so does what is pinned. Why, in words;
// empty: it stays.
[[nodiscard]] std::string reason_to_drop(Session& session, store::Store& store,
                                         const Loaded& loaded);

// The same entry without its blob.
[[nodiscard]] store::Publication without_blob(format::Manifest manifest, std::string reason);

[[nodiscard]] bool is_withheld_for_gain(const format::Manifest& manifest);
// The command that lets a blob be kept again, of any that is withheld.
[[nodiscard]] std::string lifting_command(const format::Manifest& manifest);
// Whether somebody wants such an entry to be kept all the same.
[[nodiscard]] bool is_wanted_all_the_same(const Session& session, store::Store& store,
                                          const format::Manifest& manifest);

}  // namespace larder::internal::cache
