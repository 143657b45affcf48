// Finds the files that belong to a model beside the named one, for each kind. All functions add to
// `source.files`, whose first file is the named one unless stated otherwise.
#pragma once

#include "base/result.h"
#include "model/content.h"
#include "model/search.h"
#include "model/source.h"

namespace larder::internal::model {

// Adds the .bin file; Errc::not_found if it is missing and the model has constants.
[[nodiscard]] Result<void> add_ir_weights(const Search& search, ModelSource& source);
// Adds each external file; Errc::invalid_argument if one is outside the model's directory,
// Errc::damaged if one is shorter than the model's tensors.
[[nodiscard]] Result<void> add_external_files(const Search& search, const OnnxOutline& outline,
                                              ModelSource& source);
// Puts shard 1 first and the named one at its position; does nothing for a model in one file.
[[nodiscard]] Result<void> add_shards(const Search& search, const GgufOutline& outline,
                                      ModelSource& source);
// Adds the .pdiparams file if it exists: a model without parameters has none.
[[nodiscard]] Result<void> add_paddle_parameters(const Search& search, ModelSource& source);
// Adds the .index file, and every shard of the data.
[[nodiscard]] Result<void> add_checkpoint_files(const Search& search, ModelSource& source);
// Adds all files; `source.path` is the directory. Errc::unsupported if it is not a SavedModel.
[[nodiscard]] Result<void> add_saved_model(const Search& search, ModelSource& source);

}  // namespace larder::internal::model
