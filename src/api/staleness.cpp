#include "api/staleness.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "api/convert.h"
#include "cache/stale/staleness.h"

namespace larder {

const char* to_string(StaleReason reason) noexcept {
    switch (reason) {
        case StaleReason::gone: return "gone";
        case StaleReason::changed: return "changed";
        case StaleReason::superseded: return "superseded";
        case StaleReason::incompatible: return "incompatible";
    }
    return "";
}

namespace api {
namespace {

namespace cache = internal::cache;
namespace os = internal::os;

// How much ls may read of models whose stamps do not tell whether they changed: it must be quick.
constexpr std::uint64_t k_little_of_model_bytes = std::uint64_t{64} << 20;
constexpr std::uint64_t k_little_bytes = std::uint64_t{256} << 20;

cache::ReadLimit limit_of(StaleSearch::Reading reading) {
    switch (reading) {
        case StaleSearch::Reading::little: return {k_little_of_model_bytes, k_little_bytes};
        case StaleSearch::Reading::all: break;
    }
    return {UINT64_MAX, UINT64_MAX};
}

std::int64_t since_epoch_ns(std::chrono::system_clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

internal::format::ModelInfo model_of(const EntryInfo& entry) {
    internal::format::ModelInfo model;
    model.path = entry.model;
    model.kind = entry.kind;
    for (const auto& file : entry.model_files) {
        if (const auto digest = internal::Digest::from_hex(file.digest)) {
            model.files.push_back({file.role, *digest, file.bytes});
        }
    }
    return model;
}

bool is_of_files(const EntryInfo& entry) {
    return entry.kind != "memory" && entry.kind != "caller";
}

const std::string& fingerprint_of(const EntryInfo& entry) {
    static const std::string name = "model.fingerprint";
    static const std::string none;
    const auto found = entry.key_inputs.find(name);
    return found == entry.key_inputs.end() ? none : found->second;
}

bool is_at(const std::string& file, const std::string& name) {
    return file.starts_with(name) &&
           (file.size() == name.size() || name == "/" || file[name.size()] == '/');
}

// Resolves the symbolic links among the folders of a path, as far as the folders exist.
std::string with_folders_resolved(os::FileSystem& fs, const std::string& path) {
    if (path == "/") return path;
    std::string rest = os::file_name(path);
    for (auto above = os::parent_directory(path); above != "/";
         above = os::parent_directory(above)) {
        if (const auto resolved = fs.canonical(above)) return os::join(*resolved, rest);
        rest = os::join(os::file_name(above), rest);
    }
    return path;
}

// The names that a path stands for. If the file itself is a link, its target is another model: a
// model hub keeps one file for all revisions that agree in it, and each revision is a model of its
// own.
class Names {
public:
    Names(os::FileSystem& fs, const std::string& path) {
        auto plain = os::absolute_path(path);
        while (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
        names_.insert(with_folders_resolved(fs, plain));
        const auto resolved = fs.canonical(plain);
        const auto info = fs.info(plain);
        if (resolved && info && info->kind == os::FileKind::directory) names_.insert(*resolved);
        if (resolved) target_ = *resolved;
        names_.insert(std::move(plain));
    }

    // Tells whether a file has one of the names, or is below it.
    [[nodiscard]] bool hold(const std::string& file) const {
        return std::ranges::any_of(names_,
                                   [&](const std::string& name) { return is_at(file, name); });
    }
    [[nodiscard]] bool hold(const internal::store::Sighting& sighting) const {
        return hold(sighting.path) ||
               std::ranges::any_of(sighting.files, [&](const internal::store::SightedFile& file) {
                   // If the names differ, the resolved one is the target of a link.
                   const bool is_itself = os::file_name(file.resolved) == os::file_name(file.path);
                   return hold(file.path) || (is_itself && hold(file.resolved));
               });
    }
    // Tells whether one of the model's files is the one that the path leads to.
    [[nodiscard]] bool lead_to(const internal::store::Sighting& sighting) const {
        return std::ranges::any_of(sighting.files, [&](const internal::store::SightedFile& file) {
            return hold(file.resolved) || (!target_.empty() && is_at(file.resolved, target_));
        });
    }

private:
    std::set<std::string> names_;
    std::string target_;
};

}  // namespace

void find_stale(const os::System& system, internal::state::State& state,
                internal::store::Store& store, std::vector<EntryInfo>& entries,
                const StaleSearch& search) {
    cache::ModelSearch models(system, state, store.id(), limit_of(search.reading));
    const internal::format::KeyInputs unknown;
    const auto now_ns = system.clock.wall().count();
    const auto of_late = state.runtimes(now_ns - std::chrono::nanoseconds(cache::k_disuse).count());
    std::map<const internal::format::KeyInputs*, bool> asked_for;  // entries share them
    const auto is_asked_for = [&](const internal::format::KeyInputs* built_for) {
        const auto [known, is_new] = asked_for.try_emplace(built_for);
        if (is_new && !of_late.empty()) {
            const auto facts = cache::facts_digest(*built_for);
            known->second =
                std::ranges::any_of(of_late, [&](const auto& seen) { return seen.facts == facts; });
        }
        return known->second;
    };
    std::vector<cache::KeptEntry> kept;
    kept.reserve(entries.size());
    for (const auto& entry : entries) {
        cache::KeptEntry each;
        each.key = entry.key;
        each.built_for = entry.built_for ? entry.built_for.get() : &unknown;
        each.fingerprint = fingerprint_of(entry);
        each.requirements = entry.requirements;
        each.asked_for_here = is_asked_for(each.built_for);
        each.form = !entry.unpacked_from.empty() ? cache::KeptForm::unpacked
                    : !entry.kernels_of.empty()  ? cache::KeptForm::kernels
                                                 : cache::KeptForm::blob;
        each.created_at_ns = since_epoch_ns(entry.created_at);
        if (entry.last_used_at) each.last_used_at_ns = since_epoch_ns(*entry.last_used_at);
        if (entry.last_used_anywhere_at) {
            each.used_anywhere_at_ns = since_epoch_ns(*entry.last_used_anywhere_at);
        }
        each.model =
            models.locate(fingerprint_of(entry), entry.model, [&entry] { return model_of(entry); });
        kept.push_back(std::move(each));
    }
    const auto all_inputs = [&](std::size_t i) -> internal::format::KeyInputs {
        if (entries[i].detail == EntryDetail::whole) return entries[i].key_inputs;
        const auto key = value_or_throw(internal::format::Key::from_hex(entries[i].key));
        auto found = store.find(key);
        return found.manifest ? std::move(found.manifest->key_inputs) : entries[i].key_inputs;
    };
    auto found = cache::judge(kept, all_inputs, search.machine, now_ns);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        entries[i].stale = std::move(found[i]);
    }
}

std::vector<internal::store::Sighting> sightings_at(const os::System& system,
                                                    internal::state::State& state,
                                                    const std::string& larder_id,
                                                    const std::string& path) {
    const Names names(system.fs, path);
    const auto all = state.sightings(larder_id);
    std::vector<internal::store::Sighting> found;
    const auto is_meant = [&](const auto& sighting) { return names.hold(sighting); };
    std::ranges::copy_if(all, std::back_inserter(found), is_meant);
    if (!found.empty()) return found;
    // Nothing was requested by one of these names: find whatever was compiled from the file that
    // the path leads to.
    const auto is_made_of_it = [&](const auto& sighting) { return names.lead_to(sighting); };
    std::ranges::copy_if(all, std::back_inserter(found), is_made_of_it);
    return found;
}

std::vector<std::string> keys_of_model(const os::System& system,
                                       std::span<const internal::store::Sighting> sightings,
                                       const std::vector<EntryInfo>& entries,
                                       const std::string& path) {
    const Names names(system.fs, path);
    std::set<std::string> seen;
    for (const auto& sighting : sightings) seen.insert(sighting.fingerprint);
    std::vector<std::string> keys;
    for (const auto& entry : entries) {
        // Only the process that asked knows what a relative path meant. A model in memory may have
        // a name, or the path that it was read from.
        const bool is_path = entry.model.starts_with('/');
        const bool is_there =
            is_path ? names.hold(entry.model) : !is_of_files(entry) && entry.model == path;
        if (is_there || seen.contains(fingerprint_of(entry))) keys.push_back(entry.key);
    }
    return keys;
}

}  // namespace api
}  // namespace larder
