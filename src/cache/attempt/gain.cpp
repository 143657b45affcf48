#include "cache/attempt/gain.h"

#include <utility>

#include "base/units.h"
#include "cache/entries/blame.h"
#include "cache/entries/kernels.h"
#include "cache/pages/blob_pages.h"

namespace larder::internal::cache {
namespace {

constexpr const char* k_no_gain_note = "no gain";
// The number of minutes in a row in which loads were slow.
constexpr std::uint64_t k_slow_loads_max = 5;
// Smaller blobs take little room, and a difference of a few milliseconds means nothing.
constexpr std::uint64_t k_blob_bytes_min = std::uint64_t{1} << 20;

// Larger blobs save memory, because their pages are shared and released.
bool saves_time_or_nothing(const format::Manifest& manifest) {
    const auto bytes = manifest.total_bytes();
    // Other encodings were chosen although loading them takes longer.
    return manifest.encoding == format::Encoding::raw && bytes >= k_blob_bytes_min &&
           bytes < k_releasable_blob_bytes && manifest.compile_ms > 0 &&
           !manifest.notes.contains(k_kernels_note);
}

std::string duration(std::uint64_t ms) { return format_duration(std::chrono::milliseconds(ms)); }

}  // namespace

std::string reason_to_drop(Session& session, store::Store& store, const Loaded& loaded) {
    const auto& manifest = loaded.manifest;
    const auto& config = session.config();
    if (config.keep == Keep::all || config.mode != Mode::on) return {};
    if (store.access() == store::Access::read_only || !saves_time_or_nothing(manifest)) return {};
    auto& state = session.state();
    if (loaded.spent_ms < manifest.compile_ms) {
        state.forget_slow_loads(store.id(), manifest.key);
        return {};
    }
    const auto slow = state.note_slow_load(
        {store.id(), manifest.key, loaded.began_ns, loaded.ended_ns, loaded.spent_ms},
        manifest.created_at_ns);
    if (slow.count < k_slow_loads_max) return {};
    const auto pinned = store.pinned();
    if (!pinned || pinned->contains(manifest.key)) return {};
    state.forget_slow_loads(store.id(), manifest.key);
    return "loading it gained nothing " + std::to_string(slow.count) + " times in a row: it took " +
           duration(slow.least_ms) + " or more, compiling " + duration(manifest.compile_ms);
}

store::Publication without_blob(format::Manifest manifest, std::string reason) {
    store::Publication publication;
    manifest.parts.clear();
    manifest.notes[k_withheld_note] = std::move(reason);
    manifest.notes[k_no_gain_note] = "";
    publication.manifest = std::move(manifest);
    store::PartSource source;
    source.write = [](store::StagedFile&) { return Result<void>{}; };
    publication.sources.push_back(std::move(source));
    return publication;
}

bool is_withheld_for_gain(const format::Manifest& manifest) {
    return manifest.notes.contains(k_no_gain_note);
}

std::string lifting_command(const format::Manifest& manifest) {
    constexpr std::size_t k_short = 12;
    return std::string("larder ") + (is_withheld_for_gain(manifest) ? "pin " : "rm ") +
           manifest.key.hex().substr(0, k_short);
}

bool is_wanted_all_the_same(const Session& session, store::Store& store,
                            const format::Manifest& manifest) {
    const auto mode = session.config().mode;
    const bool is_kept =
        (mode == Mode::on || mode == Mode::refresh) && store.access() == store::Access::read_write;
    if (!is_kept || !is_withheld_for_gain(manifest)) return false;
    if (session.config().keep == Keep::all) return true;
    const auto pinned = store.pinned();
    return pinned && pinned->contains(manifest.key);
}

}  // namespace larder::internal::cache
