// Joins the shards of a split GGUF model into one file, for runtimes that read no shards.
#pragma once

#include "base/parallel.h"
#include "base/result.h"
#include "model/source.h"
#include "os/file_system.h"

namespace larder::internal::model {

// Tells whether the model has to be joined before a runtime can read it.
[[nodiscard]] bool is_split_gguf(const ModelSource& source);

// Writes into `out`, which must be empty, the file that the model would be if it had not been
// split: the metadata of shard 1 without its information about the split, and the tensors of all
// shards in their order, each aligned according to the metadata. Keeps the tables of the shards in
// memory, but no data.
//
// Errc::damaged if the shards do not belong together; Errc::busy if one changes meanwhile;
// otherwise the errors of reading and writing. After an error the content of `out` is unusable.
[[nodiscard]] Result<void> join_gguf(os::FileSystem& fs, const ModelSource& source, os::File& out,
                                     unsigned threads = worker_threads());

}  // namespace larder::internal::model
