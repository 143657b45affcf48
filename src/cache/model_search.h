// What has become of the models that entries were compiled from.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cache/remembered_fingerprints.h"
#include "format/manifest.h"
#include "os/system.h"
#include "store/state.h"

namespace larder::internal::cache {

enum class Whereabouts {
    unchanged,
    changed,  // wherever it was known to be, there is something else
    gone,  // so is a file of it, or the only name it is asked for under, from a file system that is
           // there
    unknown,
};

struct Located {
    Whereabouts where = Whereabouts::unknown;
    std::string path;  // the file that tells; empty if none does
};

// What may be read to find out whether a file still has the content it had.
struct ReadLimit {
    std::uint64_t model_bytes = 0;
    std::uint64_t total_bytes = 0;
};

// A model is looked for where this machine has seen it, and where it was first compiled. Nothing
// counts as changed or gone while one of these places is out of reach, or while it is unchanged in
// one of them. Used by one thread.
class ModelSearch {
public:
    // Both must outlive it.
    ModelSearch(const os::System& system, store::State& state, const std::string& larder_id,
                ReadLimit limit);

    // Of the content that `fingerprint` stands for, which was first compiled from `path`. Nothing
    // is known of models without files. `describe` is called once for all entries of one model.
    [[nodiscard]] Located locate(const std::string& fingerprint, const std::string& path,
                                 const std::function<format::ModelInfo()>& describe);

private:
    [[nodiscard]] Located look(const std::string& path, const store::Sighting* seen,
                               const std::string& fingerprint, const format::ModelInfo& model);
    [[nodiscard]] Located compare(const std::string& path, const store::Sighting* seen,
                                  const std::string& fingerprint, const format::ModelInfo& model);
    [[nodiscard]] Located missing(const store::Sighting* seen);
    // Certainly not there any more.
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
