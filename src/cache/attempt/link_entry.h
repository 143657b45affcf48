// An entry that was compiled for one key of a model is linked to the other, so that both share one
// blob (cache/identify/link.h).
#pragma once

#include "cache/attempt/attempt.h"
#include "format/manifest.h"

namespace larder::internal::cache {

// Look for the same model under the key of its file, or of its graph, and publish that entry under
// this request's key, too. True if they did.
[[nodiscard]] bool link_entry_of_file(Attempt& attempt);
[[nodiscard]] bool link_entry_of_graph(Attempt& attempt);

// Records the names by which a later request finds the entry under its other key, unless the
// program encrypts: names reveal something about the model.
void note_names(const Attempt& attempt, format::Manifest& manifest);

}  // namespace larder::internal::cache
