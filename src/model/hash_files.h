// Hashes several files at once, chunk by chunk, with few open at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "os/file_system.h"

namespace larder::internal::model {

struct FileToHash {
    std::string path;
    os::FileStamp stamp;  // it must have this before, and after
};

// combine_chunks over the content of each, in one parallel pass. Errc::busy if one has another
// stamp, is shorter than that says, or is gone.
[[nodiscard]] Result<std::vector<Digest>> hash_files(os::FileSystem& fs,
                                                     std::span<const FileToHash> files);

}  // namespace larder::internal::model
