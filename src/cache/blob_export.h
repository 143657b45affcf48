// What of a compiled model is kept: a blob on its way from the runtime into a file.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "cache/key.h"
#include "cache/session.h"
#include "format/manifest.h"
#include "runtime/runtime.h"
#include "store/staged_file.h"

namespace larder::internal::cache {

struct BlobExport {
    std::string reason_to_keep_weights;  // empty: what is kept may refer to the model's own files
    bool is_copied = false;              // runtime::Request::copies_blob
};

// Has `write` write the blob into `file`, in the form in which it is kept. Notes in `manifest` why
// the weights are kept, if they are.
[[nodiscard]] Result<void> export_blob(Session& session, const Identified& identified,
                                       const BlobExport& how,
                                       const std::function<Result<void>(runtime::BlobSink&)>& write,
                                       store::StagedFile& file, format::Manifest& manifest);

}  // namespace larder::internal::cache
