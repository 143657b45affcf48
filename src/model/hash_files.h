// Hashes several files at once, chunk by chunk, with few files open at a time.
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
    os::FileStamp stamp;  // which it must have before and after hashing
};

// Applies combine_chunks to the content of each file, in one parallel pass. Errc::busy if a file
// has another stamp, is shorter than the stamp says, or is gone.
[[nodiscard]] Result<std::vector<Digest>> hash_files(os::FileSystem& fs,
                                                     std::span<const FileToHash> files);

}  // namespace larder::internal::model
