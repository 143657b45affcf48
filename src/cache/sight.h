#pragma once

#include <string>

#include "cache/key.h"
#include "cache/session.h"

namespace larder::internal::cache {

// Remembers where the files of a model were found, and on which file systems: so that later, what
// is gone can be told from what is out of reach. Does nothing for models without files. A query,
// where the same was seen within a day; never fails.
void sight(Session& session, const std::string& larder_id, const Identified& identified);

// Whether this machine has seen a model at that path before: of a content that is not kept, it was
// another.
[[nodiscard]] bool was_other(Session& session, const std::string& larder_id,
                             const Identified& identified);

}  // namespace larder::internal::cache
