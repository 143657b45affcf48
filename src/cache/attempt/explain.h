// Says why a request would hit or miss.
#pragma once

#include "base/result.h"
#include "cache/session/request.h"
#include "cache/session/session.h"
#include "larder/explanation.hpp"
#include "runtime/runtime.h"

namespace larder::internal::cache {

using larder::Explanation;

// Compiles and loads nothing. The nearest entry is the one of the same model content, or else of
// the same path, whose key differs in the fewest inputs; finding it reads every manifest.
[[nodiscard]] Result<Explanation> explain(Session& session, runtime::Request& request,
                                          const ModelReference& model);

}  // namespace larder::internal::cache
