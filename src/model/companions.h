// The files that belong to a model beside the one that was named, for each kind. All add to
// `source.files`, whose first is the named one but where said.
#pragma once

#include "base/result.h"
#include "model/content.h"
#include "model/search.h"
#include "model/source.h"

namespace larder::internal::model {

// The .bin file; Errc::not_found if it is missing and the model has constants.
[[nodiscard]] Result<void> add_ir_weights(const Search& search, ModelSource& source);
// Each external file; Errc::invalid_argument if one is outside the model's directory,
// Errc::damaged if one is shorter than the model's tensors.
[[nodiscard]] Result<void> add_external_files(const Search& search, const OnnxOutline& outline,
                                              ModelSource& source);
// Puts shard 1 first and the named one in its place; nothing to do for a model in one file.
[[nodiscard]] Result<void> add_shards(const Search& search, const GgufOutline& outline,
                                      ModelSource& source);
// The .pdiparams file, if it is there: a model without parameters has none.
[[nodiscard]] Result<void> add_paddle_parameters(const Search& search, ModelSource& source);
// The .index file, and every shard of the data.
[[nodiscard]] Result<void> add_checkpoint_files(const Search& search, ModelSource& source);
// Everything; `source.path` is the directory. Errc::unsupported if it is none of a SavedModel.
[[nodiscard]] Result<void> add_saved_model(const Search& search, ModelSource& source);

}  // namespace larder::internal::model
