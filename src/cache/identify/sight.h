#pragma once

#include <string>

#include "cache/identify/key.h"
#include "cache/session/session.h"

namespace larder::internal::cache {

// Records where the files of a model were found, and on which file systems, so that later a missing
// file can be told from one that is out of reach. Does nothing for models without files. If the
// same was recorded within a day, it costs one query. Never fails.
void sight(Session& session, const std::string& larder_id, const Identified& identified);

// Tells whether this machine has seen a model with other content at that path before.
[[nodiscard]] bool was_other(Session& session, const std::string& larder_id,
                             const Identified& identified);

}  // namespace larder::internal::cache
