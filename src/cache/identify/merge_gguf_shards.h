// Joins split GGUF models, for a runtime that reads no shards.
#pragma once

#include "base/result.h"
#include "cache/session/request.h"
#include "cache/session/session.h"
#include "runtime/runtime.h"
#include "store/store.h"

namespace larder::internal::cache {

// To be called before the runtime reads the model. If that is a split GGUF, joins its shards into
// one file and makes the runtime read that; the file is removed after reading. The file lies in
// `store` if there is one and it has room, else in the temporary directory. Does nothing for any
// other model.
//
// An Error means that the runtime cannot read the model: shards are damaged or missing, or there is
// no room for the joined file.
[[nodiscard]] Result<void> merge_gguf_shards(Session& session, store::Store* store,
                                             runtime::Request& request,
                                             const ModelReference& model);

}  // namespace larder::internal::cache
