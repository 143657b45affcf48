// Publishes a compiled model: before the program gets it, or behind the program.
#pragma once

#include <optional>
#include <string>

#include "cache/attempt/attempt.h"
#include "format/manifest.h"
#include "store/publish/publish.h"
#include "store/store.h"

namespace larder::internal::cache {

// Exports the compiled model and publishes its blob, or an entry that says why it is withheld.
// Returns the manifest if the blob is published. Notes the result in `served` (note_kept).
[[nodiscard]] std::optional<format::Manifest> keep_blob(Attempt& attempt, Served& served,
                                                        const Miss& miss);
// Exports the compiled model, and has it published behind the program. Returns the manifest if it
// is published already, because there is no thread to be had.
[[nodiscard]] std::optional<format::Manifest> keep_blob_behind(Attempt& attempt, Served& served,
                                                               const Miss& miss,
                                                               store::CompileLock compile_lock);
// After a refusal or a crash, the blob is published before the program goes on.
[[nodiscard]] bool may_be_kept_behind(const Attempt& attempt);

// Publishes an empty object in the blob's place, so that the next start neither uses a blob nor
// forgets why there is none.
[[nodiscard]] Result<format::Manifest> withhold(Attempt& attempt, std::string reason);

// Notes the object of a published entry; or that nothing is published, and why: the outcome is then
// `bypassed`. Warns if that is a fault.
void note_kept(Attempt& attempt, Served& served, const Result<format::Manifest>& kept);

// Returns the manifest of the request's entry, without its parts.
[[nodiscard]] format::Manifest draft(const Attempt& attempt);
// Records the property values that the device has settled on.
void note_settled(const Attempt& attempt, format::Manifest& manifest);

}  // namespace larder::internal::cache
