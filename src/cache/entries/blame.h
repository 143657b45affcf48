// Decides whether a blob is to blame for crashes, and records that in the entry.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "store/store.h"

namespace larder::internal::cache {

// The note in a manifest that says why its object is empty.
inline constexpr const char* k_withheld_note = "withheld";

// The reason of a miss whose entry is in quarantine.
inline constexpr const char* k_set_aside =
    "its blob was damaged, or crashed a process, and is set aside";

// The crashes of processes that used a key's blobs. A crash is a blob's fault only if the model,
// compiled in its place, does not crash the same way. Every crash expires.
struct Blame {
    std::uint64_t crashes = 0;  // each of them quarantined a blob
    std::set<std::string> signals;
    std::int64_t last_ns = 0;  // since the epoch

    // Reads it from an entry; returns none if it has expired.
    [[nodiscard]] static Blame noted_in(const format::Manifest& manifest, std::int64_t now_ns);
    void note_in(format::Manifest& manifest) const;

    // Adds one crash.
    void add(const store::CrashCount& count);
    // Tells whether `without`, a crash of the model compiled in the blob's place, is the same
    // crash.
    [[nodiscard]] bool is_refuted_by(const store::CrashCount& without) const;
    // Says why no blob of the key is published, and until when; empty if one may be.
    [[nodiscard]] std::string reason_to_withhold() const;
};

[[nodiscard]] bool is_withheld(const format::Manifest& manifest);
// Tells whether an entry is withheld because of crashes, and not for another reason.
[[nodiscard]] bool is_withheld_for_crashes(const format::Manifest& manifest);

}  // namespace larder::internal::cache
