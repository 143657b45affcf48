// Exports a compiled model, and decides which of its bytes an entry holds.
#pragma once

#include "base/result.h"
#include "cache/attempt/attempt.h"
#include "format/manifest.h"
#include "store/store.h"

namespace larder::internal::cache {

// Records in `manifest` why it holds the weights, if it does; `miss` is why the model was compiled.
[[nodiscard]] Result<void> export_into(Attempt& attempt, const Miss& miss, store::StagedFile& file,
                                       format::Manifest& manifest);

}  // namespace larder::internal::cache
