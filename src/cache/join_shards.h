// Split GGUF models, for a runtime that reads no shards.
#pragma once

#include "base/result.h"
#include "cache/request.h"
#include "cache/session.h"
#include "runtime/runtime.h"
#include "store/store.h"

namespace larder::internal::cache {

// To be called before the runtime reads the model. If that is a split GGUF, makes one file of its
// shards and has the runtime read that; the file goes away with the reading. In `store` if there is
// one and it has room, else in the temporary directory. Does nothing for any other model.
//
// An Error means that the runtime cannot read the model: shards are damaged or missing, or there is
// no room for the one file.
[[nodiscard]] Result<void> join_shards(Session& session, store::Store* store,
                                       runtime::Request& request, const ModelReference& model);

}  // namespace larder::internal::cache
