// Finds out what has become of the models that entries were compiled from.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cache/session/remembered_fingerprints.h"
#include "format/manifest.h"
#include "os/system.h"
#include "state/state.h"

namespace larder::internal::cache {

enum class Whereabouts {
    unchanged,
    changed,  // in every known place there is other content
    gone,  // a file of it, or its only requested name, is gone from a file system that is mounted
    unknown,
};

struct Located {
    Whereabouts where = Whereabouts::unknown;
    std::string path;  // the file that shows it; empty if there is none
};

// How much may be read to find out whether files still have their former content.
struct ReadLimit {
    std::uint64_t model_bytes = 0;
    std::uint64_t total_bytes = 0;
};

// Looks for a model where this machine has seen it, and where it was first compiled. A model counts
// as changed or gone only if all of these places are in reach and none has it unchanged. Used by
// one thread.
class ModelSearch {
public:
    // Both must outlive it.
    ModelSearch(const os::System& system, state::State& state, const std::string& larder_id,
                ReadLimit limit);

    // Locates the content of `fingerprint`, which was first compiled from `path`. Returns unknown
    // for models without files. Calls `describe` once for all entries of one model.
    [[nodiscard]] Located locate(const std::string& fingerprint, const std::string& path,
                                 const std::function<format::ModelInfo()>& describe);

private:
    [[nodiscard]] Located look(const std::string& path, const store::Sighting* seen,
                               const std::string& fingerprint, const format::ModelInfo& model);
    [[nodiscard]] Located compare(const std::string& path, const store::Sighting* seen,
                                  const std::string& fingerprint, const format::ModelInfo& model);
    [[nodiscard]] Located missing(const store::Sighting* seen);
    // Tells whether a file is certainly gone.
    [[nodiscard]] bool is_lost(const store::SightedFile& file);
    [[nodiscard]] bool is_affordable(std::uint64_t bytes);
    [[nodiscard]] const Result<os::FileInfo>& info(const std::string& path);

    os::System system_;
    RememberedFingerprints memory_;
    ReadLimit left_;
    std::vector<store::Sighting> sightings_;
    std::map<std::string, std::vector<const store::Sighting*>> by_fingerprint_;
    std::map<std::string, Result<os::FileInfo>> infos_;             // by path
    std::map<std::pair<std::string, std::string>, Located> found_;  // by fingerprint and path
};

}  // namespace larder::internal::cache
