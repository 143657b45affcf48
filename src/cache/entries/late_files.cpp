#include "cache/entries/late_files.h"

#include <utility>

#include "cache/entries/keep_files.h"

namespace larder::internal::cache {

void LateFiles::retain(Log& log, std::shared_ptr<store::Store> store,
                       store::PrivateDirectory directory, format::Manifest manifest,
                       std::optional<std::int64_t> began_at_ns) {
    {
        const std::lock_guard lock(mutex_);
        retained_.push_back(std::make_shared<Retained>(log, std::move(store), std::move(directory),
                                                       std::move(manifest), began_at_ns));
    }
    lookout_.look_soon();
}

void LateFiles::keep() {
    for (const auto& retained : all()) static_cast<void>(keep(*retained, Asked::at_the_end));
}

bool LateFiles::keep(Retained& retained, Asked asked) {
    const std::lock_guard lock(retained.mutex);
    auto kept =
        keep_files(*retained.store, retained.directory, retained.manifest, retained.began_at_ns);
    if (!kept) {
        // The device may still be compiling.
        if (asked == Asked::in_between && kept.error().code == Errc::unsupported) return false;
        retained.log.warn_once(
            "late files",
            "cannot store the files that the device wrote after the model was ready: " +
                kept.error().message());
        return false;
    }
    const bool has_changed = kept->parts != retained.manifest.parts;
    retained.manifest = std::move(*kept);
    return has_changed;
}

bool LateFiles::look(const std::stop_token& stop) {
    bool has_changed = false;
    for (const auto& retained : all()) {
        if (stop.stop_requested()) break;
        has_changed = keep(*retained, Asked::in_between) || has_changed;
    }
    return has_changed;
}

std::vector<std::shared_ptr<LateFiles::Retained>> LateFiles::all() {
    const std::lock_guard lock(mutex_);
    return retained_;
}

}  // namespace larder::internal::cache
