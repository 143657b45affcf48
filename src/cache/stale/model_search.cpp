#include "cache/stale/model_search.h"

#include <algorithm>

#include "model/file_names.h"
#include "model/fingerprint.h"
#include "model/source.h"
#include "os/mounts.h"

namespace larder::internal::cache {
namespace {

bool is_absent(const Result<os::FileInfo>& info) {
    return !info && info.error().code == Errc::not_found;
}

// Compares only what needs no reading: if this differs, so does the content.
bool has_same_outline(const model::ModelSource& source, const format::ModelInfo& model) {
    return model::to_string(source.kind) == model.kind &&
           std::ranges::equal(source.files, model.files, [](const auto& now, const auto& then) {
               return now.role == then.role && now.stamp.size_bytes == then.bytes;
           });
}

}  // namespace

ModelSearch::ModelSearch(const os::System& system, state::State& state,
                         const std::string& larder_id, ReadLimit limit)
    : system_(system), memory_(state), left_(limit), sightings_(state.sightings(larder_id)) {
    for (const auto& sighting : sightings_) {
        by_fingerprint_[sighting.fingerprint].push_back(&sighting);
    }
}

Located ModelSearch::locate(const std::string& fingerprint, const std::string& path,
                            const std::function<format::ModelInfo()>& describe) {
    if (!fingerprint.starts_with("files:")) return {};
    const std::pair asked(fingerprint, path);
    if (const auto known = found_.find(asked); known != found_.end()) return known->second;
    const auto model = describe();
    Located result;
    bool unreachable = false;
    const auto add = [&](const std::string& place, const store::Sighting* seen) {
        auto found = look(place, seen, fingerprint, model);
        if (found.where == Whereabouts::unknown) unreachable = true;
        // A model that was changed in one place was not just removed from another.
        if (result.where == Whereabouts::unknown || found.where == Whereabouts::unchanged ||
            (found.where == Whereabouts::changed && result.where == Whereabouts::gone)) {
            result = std::move(found);
        }
        return result.where == Whereabouts::unchanged;
    };
    const auto& seen = by_fingerprint_[fingerprint];
    const bool unchanged =
        std::ranges::any_of(seen, [&](const auto* each) { return add(each->path, each); });
    const bool seen_there = std::ranges::find(seen, path, &store::Sighting::path) != seen.end();
    if (!unchanged && !seen_there && path.starts_with('/')) add(path, nullptr);
    if (unreachable && result.where != Whereabouts::unchanged) result = {};
    return found_[asked] = result;
}

Located ModelSearch::look(const std::string& path, const store::Sighting* seen,
                          const std::string& fingerprint, const format::ModelInfo& model) {
    const bool untouched = seen != nullptr && std::ranges::all_of(seen->files, [&](const auto& f) {
                               const auto& now = info(f.path);
                               return now && now->stamp == f.stamp;
                           });
    if (untouched) return {Whereabouts::unchanged, path};
    const auto& now = info(path);
    if (is_absent(now)) return missing(seen);
    if (!now) return {};
    return compare(path, seen, fingerprint, model);
}

Located ModelSearch::compare(const std::string& path, const store::Sighting* seen,
                             const std::string& fingerprint, const format::ModelInfo& model) {
    const auto source = model::find_model_source(system_, memory_, path);
    if (!source) {
        const auto code = source.error().code;
        if (code == Errc::not_found) return missing(seen);
        const bool is_other = code == Errc::damaged || code == Errc::unsupported;
        const auto& now = info(path);
        if (is_other && now && !model.files.empty() &&
            now->stamp.size_bytes != model.files.front().bytes) {
            return {Whereabouts::changed, path};
        }
        return {};
    }
    if (!has_same_outline(*source, model)) return {Whereabouts::changed, path};
    std::uint64_t to_read = 0;
    for (const auto& file : source->files) {
        if (!memory_.find(file.stamp)) to_read += file.stamp.size_bytes;
    }
    if (!is_affordable(to_read)) return {};
    const auto content = model::fingerprint(system_, memory_, *source);
    if (!content) return {};
    const bool same = "files:" + content->fingerprint.hex() == fingerprint;
    return {same ? Whereabouts::unchanged : Whereabouts::changed, path};
}

// Describes a model one of whose files is missing.
Located ModelSearch::missing(const store::Sighting* seen) {
    if (seen == nullptr) return {};
    const store::SightedFile* absent = nullptr;
    for (const auto& file : seen->files) {
        // Prefers the file that people know the model by.
        const bool tells = absent == nullptr || file.path == seen->path;
        if (tells && is_lost(file)) absent = &file;
    }
    return absent == nullptr ? Located{} : Located{Whereabouts::gone, absent->path};
}

bool ModelSearch::is_lost(const store::SightedFile& file) {
    if (!is_absent(info(file.path))) return false;
    const bool resolved_is_absent = is_absent(info(file.resolved));
    // If only a link is gone, the file may still be requested by its own name. Not so in a model
    // hub, where files have names without an extension: without the link, the model is gone.
    const bool is_named = model::extension_of(file.resolved) == model::extension_of(file.path);
    if (!resolved_is_absent && is_named) return false;
    const auto place = os::place_above(system_.fs, resolved_is_absent ? file.resolved : file.path);
    return place && *place == file.place;
}

bool ModelSearch::is_affordable(std::uint64_t bytes) {
    if (bytes > left_.model_bytes || bytes > left_.total_bytes) return false;
    left_.total_bytes -= bytes;
    return true;
}

const Result<os::FileInfo>& ModelSearch::info(const std::string& path) {
    const auto known = infos_.find(path);
    if (known != infos_.end()) return known->second;
    return infos_.emplace(path, system_.fs.info(path)).first->second;
}

}  // namespace larder::internal::cache
