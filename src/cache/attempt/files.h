// Requests whose device caches only through a directory of its own: their entries are sets of
// files, which the device reads and writes while it compiles.
#pragma once

#include <optional>

#include "cache/attempt/attempt.h"
#include "cache/attempt/compile.h"
#include "format/manifest.h"

namespace larder::internal::cache {

// Has the device read the files of an entry. If it does not accept them, it has compiled, and its
// new files are published.
[[nodiscard]] OrMiss<Served> load_files(Attempt& attempt, const format::Manifest& manifest);

// Compiles `model`, because of `miss`, into a new directory, and publishes its files. If there can
// be no directory, the request is bypassed.
[[nodiscard]] Result<Served> compile_into_files(Attempt& attempt, ReadableModel& model,
                                                const Miss& miss);

// Compiles `model` for a device that exports blobs. Returns how the request ended if the runtime
// has put another device around it: that one's files are published, and the model is released.
// Nothing if the blob is to be published.
[[nodiscard]] std::optional<Served> compile_wrapped(Attempt& attempt, ReadableModel& model,
                                                    const Miss& miss);

}  // namespace larder::internal::cache
