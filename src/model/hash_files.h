// Hashes several files at once, chunk by chunk, with few files open at a time.
#pragma once

#include <cstdint>
#include <functional>
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

// Told behind each few megabytes how far a reading is; from several threads, and not in order.
using HashProgress = std::function<void(std::uint64_t bytes_done, std::uint64_t bytes_total)>;

// combine_chunks over the content of each, in one parallel pass. Errc::busy if one has another
// stamp, is shorter than that says, or is gone.
[[nodiscard]] Result<std::vector<Digest>> hash_files(os::FileSystem& fs,
                                                     std::span<const FileToHash> files,
                                                     const HashProgress& progress = {});

}  // namespace larder::internal::model
