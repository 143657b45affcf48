#include "api/diagnosis.h"

#include <algorithm>

#include "base/units.h"
#include "os/mounts.h"
#include "os/system.h"

namespace larder::api {
namespace {

using Severity = Store::Advice::Severity;
using internal::format_size;

// Compiled models take gigabytes: with less free space than this, the next publish is likely to
// fail.
constexpr std::uint64_t k_space_bytes_low = std::uint64_t{2} << 30;

void add_locks(const internal::os::System& system, internal::store::Store& store,
               std::vector<Store::Advice>& advice) {
    const auto& directory = store.directory();
    const auto exclude = store.locks_exclude();
    const auto option = internal::os::option_against_locks(system.fs, directory);
    if ((!exclude || *exclude) && option.empty()) return;
    const auto why = option.empty() ? std::string("every process is granted the same lock")
                                    : "it is mounted with '" + option + "'";
    advice.push_back({Severity::warning, "locks",
                      "locks in '" + directory + "' do not lock: " + why +
                          "; a model may be compiled by several machines at once",
                      "mount the file system so that locks reach its server, such as NFS 4 without "
                      "'nolock', or set LARDER_DIR"});
}

void add_missing(internal::store::Store& store, std::vector<Store::Advice>& advice) {
    std::size_t entries = 0;
    const auto visit = [&](internal::store::ListedEntry& entry) {
        const auto is_missed = [&](const auto& part) { return !store.has_object(part.object); };
        if (entry.manifest && std::ranges::any_of(entry.manifest->parts, is_missed)) ++entries;
        return internal::store::Continue::yes;
    };
    // Another check reports that entries cannot be listed.
    const auto walked = store.for_each_entry(visit, internal::store::ManifestDetail::summary);
    if (!walked || entries == 0) return;
    advice.push_back({Severity::warning, "entries",
                      std::to_string(entries) + (entries == 1 ? " entry has lost its blob"
                                                              : " entries have lost their blobs"),
                      "the next request compiles it, or now: larder repair"});
}

void add_quarantine(internal::store::Store& store, const internal::store::Totals& totals,
                    std::vector<Store::Advice>& advice) {
    auto text = std::to_string(totals.quarantined) +
                (totals.quarantined == 1 ? " damaged or crashing file is"
                                         : " damaged or crashing files are") +
                " set aside (" + format_size(totals.quarantined_bytes) + ")";
    const auto entries = store.entries_set_aside();
    const auto missing = entries ? entries->size() : 0;
    const std::string remove = "to delete what is set aside: larder prune --quarantine";
    if (missing == 0) {
        advice.push_back(
            {Severity::info, "quarantine", text + ", and no entry lacks them", remove});
        return;
    }
    text += "; " + std::to_string(missing) +
            (missing == 1 ? " entry has not been compiled since"
                          : " entries have not been compiled since");
    advice.push_back(
        {Severity::warning, "quarantine", text, "to compile them now: larder repair; " + remove});
}

void add_owner(const std::string& directory, const internal::os::FileInfo& info,
               std::vector<Store::Advice>& advice) {
    if (!internal::os::is_root() || info.owner == 0) return;
    advice.push_back(
        {Severity::info, "owner",
         "'" + directory + "' belongs to user " + std::to_string(info.owner) +
             ", and you are root: files that root writes there belong to that user, too",
         "to have a larder of root's own, set LARDER_DIR"});
}

// Not every file system tells in advance that it takes no directories, such as /proc.
internal::Result<void> try_directory(const internal::os::System& system, const std::string& above) {
    if (auto writable = system.fs.check_writable(above); !writable) return writable;
    const auto path =
        internal::os::join(above, ".larder-trial-" + std::to_string(system.entropy.next()));
    if (auto made = system.fs.make_directory(path); !made) {
        return internal::fail(internal::Error::from_errno("no directory can be created in", above,
                                                          made.error().system_errno));
    }
    return system.fs.remove_directory(path);
}

// `as_owner` helps if it is only this user who may not write there.
std::string remedy_of(const internal::Error& error, const std::string& as_owner) {
    using internal::Errc;
    std::string elsewhere = "set LARDER_DIR to a directory on another disk";
    if (error.code == Errc::permission_denied) return as_owner + ", or set LARDER_DIR";
    if (error.code == Errc::no_space) return "free space on this disk, or " + elsewhere;
    if (error.code == Errc::read_only) return "mount that file system writable, or " + elsewhere;
    return elsewhere;
}

}  // namespace

std::vector<Store::Advice> diagnose(const internal::os::System& system,
                                    internal::store::Store& store, internal::state::State& state) {
    std::vector<Store::Advice> advice;
    const auto& directory = store.directory();
    const auto there = system.fs.info(directory);
    if (!there) {
        auto above = directory;
        while (above != "/" && !system.fs.info(above))
            above = internal::os::parent_directory(above);
        if (const auto possible = try_directory(system, above); !possible) {
            advice.push_back({Severity::error, "directory",
                              "'" + directory + "' cannot be made: " + possible.error().message(),
                              remedy_of(possible.error(), "let this user write there")});
            return advice;
        }
        advice.push_back({Severity::info, "directory", "'" + directory + "' does not exist yet",
                          "it is created when the first model is stored"});
        return advice;
    }
    if (const auto& reason = store.read_only_reason()) {
        advice.push_back({Severity::warning, "directory",
                          "nothing can be kept: " + reason->message(),
                          remedy_of(*reason, "make the directory writable for this user")});
    }
    if ((there->mode & 0002U) != 0) {
        advice.push_back({Severity::warning, "permissions",
                          "'" + directory + "' can be written by every user",
                          "chmod o-w '" + directory + "'"});
    }
    add_owner(directory, *there, advice);
    add_missing(store, advice);
    add_locks(system, store, advice);
    if (const auto space = system.fs.space(directory);
        space && space->available_bytes < k_space_bytes_low) {
        advice.push_back(
            {Severity::warning, "space",
             "only " + format_size(space->available_bytes) + " are free under '" + directory + "'",
             "free space on this disk; entries that are not needed: larder ls --sort last_used"});
    }
    if (const auto totals = store.totals(); !totals) {
        advice.push_back(
            {Severity::error, "directory", totals.error().message(), totals.error().remedy});
    } else if (totals->quarantined > 0) {
        add_quarantine(store, *totals, advice);
    }
    (void)state.usage(store.id());  // opens it
    if (const auto fault = state.fault()) {
        advice.push_back(
            {Severity::warning, "state",
             "the state database cannot be used, so every start reads the model files again: " +
                 fault->message(),
             "make the state directory writable, or set LARDER_STATE_DIR"});
    }
    return advice;
}

}  // namespace larder::api
