// One GGUF file out of the shards of a split one, for runtimes that read no shards.
#pragma once

#include "base/parallel.h"
#include "base/result.h"
#include "model/source.h"
#include "os/file_system.h"

namespace larder::internal::model {

// Whether the model has to be joined before a runtime can read it.
[[nodiscard]] bool is_split_gguf(const ModelSource& source);

// Writes into `out`, which is empty, what the model would be if it had never been split: the
// metadata of shard 1 without what it says of the split, the tensors of all shards in their order,
// each aligned as the metadata says. Holds the tables of the shards, and none of their data.
//
// Errc::damaged if the shards do not belong together; Errc::busy if one changes meanwhile; else the
// errors of reading and writing. What `out` then holds is of no use.
[[nodiscard]] Result<void> join_gguf(os::FileSystem& fs, const ModelSource& source, os::File& out,
                                     unsigned threads = worker_threads());

}  // namespace larder::internal::model
