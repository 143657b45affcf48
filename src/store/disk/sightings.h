// Records where this machine has seen which models.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "os/file_system.h"
#include "os/mounts.h"

namespace larder::internal::store {

struct SightedFile {
    std::string path;      // absolute
    std::string resolved;  // with symbolic links resolved
    os::FileStamp stamp;
    os::Place place;
};

// A model as a request found it.
struct Sighting {
    std::string larder_id;
    std::string path;         // as requested, absolute
    std::string fingerprint;  // the key input that identifies its content
    std::int64_t at_ns = 0;   // since the epoch
    std::vector<SightedFile> files;
};

}  // namespace larder::internal::store
