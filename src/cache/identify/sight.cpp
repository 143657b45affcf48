#include "cache/identify/sight.h"

#include <chrono>
#include <map>

#include "os/mounts.h"

namespace larder::internal::cache {
namespace {

constexpr std::chrono::nanoseconds k_seen_again_after = std::chrono::hours(24);

}  // namespace

void sight(Session& session, const std::string& larder_id, const Identified& identified) {
    if (!identified.files || larder_id.empty()) return;
    store::Sighting sighting;
    sighting.larder_id = larder_id;
    sighting.path = os::absolute_path(identified.files->path);
    sighting.fingerprint = identified.inputs.at("model.fingerprint");
    sighting.at_ns = session.system().clock.wall().count();
    for (const auto& file : identified.files->files) {
        sighting.files.push_back({os::absolute_path(file.path), {}, file.stamp, {}});
    }
    auto& state = session.state();
    if (state.has_seen(sighting, sighting.at_ns - k_seen_again_after.count())) return;
    auto& fs = session.system().fs;
    std::map<std::string, os::Place> places;  // by directory
    for (auto& file : sighting.files) {
        auto resolved = fs.canonical(file.path);
        if (!resolved) return;  // gone meanwhile
        file.resolved = std::move(*resolved);
        const auto directory = os::parent_directory(file.resolved);
        auto known = places.find(directory);
        if (known == places.end()) {
            auto place = os::place_of(fs, file.resolved);
            if (!place) return;
            known = places.emplace(directory, std::move(*place)).first;
        }
        file.place = known->second;
    }
    state.see(sighting);
}

bool was_other(Session& session, const std::string& larder_id, const Identified& identified) {
    if (!identified.files) return false;
    const auto path = os::absolute_path(identified.files->path);
    const auto& now = identified.inputs.at("model.fingerprint");
    bool found = false;
    for (const auto& sighting : session.state().sightings(larder_id)) {
        if (sighting.path != path) continue;
        // It was this one: what is missing is another device's, or another request's.
        if (sighting.fingerprint == now) return false;
        found = true;
    }
    return found;
}

}  // namespace larder::internal::cache
