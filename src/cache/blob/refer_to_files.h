// Changes references to constants in memory into references to the files that hold them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/fingerprint.h"
#include "model/memory_content.h"

namespace larder::internal::cache {

// `object` is that of an entry in Encoding::referring; `memory` is the content of the same model,
// read from `files`. Returns an object with the same blob for requests that know only the files.
// Errc::not_found if a constant is in none of them; the errors of decode_referring.
[[nodiscard]] Result<std::vector<std::byte>> refer_to_files(std::span<const std::byte> object,
                                                            const model::MemoryContent& memory,
                                                            const model::Fingerprinted& files);

}  // namespace larder::internal::cache
