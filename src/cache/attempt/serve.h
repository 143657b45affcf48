// Serves one request, from start to end.
#pragma once

#include "base/result.h"
#include "cache/session/request.h"
#include "cache/session/session.h"
#include "runtime/runtime.h"

namespace larder::internal::cache {

// Errors: Errc::not_found in Mode::cache_only if there is no entry for the model; not_found,
// damaged or invalid_argument for a model file that larder itself has to read; the errors of
// merge_gguf_shards. In all other cases the request ends with a compiled model. Exceptions of the
// runtime pass. Any number of threads may serve requests of one session.
[[nodiscard]] Result<Response> serve(Session& session, runtime::Request& request,
                                     const ModelReference& model);

}  // namespace larder::internal::cache
