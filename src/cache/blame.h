// When what is kept is to blame for crashes, and how an entry notes it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "store/store.h"

namespace larder::internal::cache {

// In a manifest: why its object is empty.
inline constexpr const char* k_withheld_note = "withheld";

// What a key's blobs did to the processes that used them. A crash is a blob's fault only where the
// model, compiled in its place, does not crash the same way; and no crash counts for ever.
struct Blame {
    std::uint64_t crashes = 0;  // after each of which a blob was set aside
    std::set<std::string> signals;
    std::int64_t last_ns = 0;  // since the epoch

    // As an entry notes it; nothing once it has expired.
    [[nodiscard]] static Blame noted_in(const format::Manifest& manifest, std::int64_t now_ns);
    void note_in(format::Manifest& manifest) const;

    // One more.
    void add(const store::CrashCount& count);
    // Whether `without`, of the model that was compiled in the blob's place, is the same crash.
    [[nodiscard]] bool is_refuted_by(const store::CrashCount& without) const;
    // Why no blob of the key is kept, and until when; empty if one is.
    [[nodiscard]] std::string reason_to_withhold() const;
};

[[nodiscard]] bool is_withheld(const format::Manifest& manifest);
// Whether an entry stands for a blob that is withheld for its crashes, and not for anything else.
[[nodiscard]] bool is_withheld_for_crashes(const format::Manifest& manifest);

}  // namespace larder::internal::cache
