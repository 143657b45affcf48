#include <utility>

#include "cache/attempt/gain.h"
#include "cache/attempt/load.h"
#include "cache/attempt/trials.h"
#include "cache/session/stopwatch.h"

namespace larder::internal::cache {
namespace {

// An object that was never used successfully is quarantined after its first crash. A proven one may
// not be the cause, and is quarantined after three.
constexpr std::uint64_t k_crashes_unproven = 1;
constexpr std::uint64_t k_crashes_proven = 3;

OrMiss<format::Manifest> look_up(Attempt& attempt) {
    store::Lookup found;
    {
        const Stopwatch watch(attempt.clock(), attempt.timing.lookup);
        found = attempt.store->find(attempt.identified.key);
    }
    if (found.manifest) return std::move(*found.manifest);
    if (!found.fault) return miss(Miss::Kind::nothing);
    auto reason = found.fault->message();
    attempt.log().warn_once("entry", "an entry cannot be used: " + reason);
    return miss(std::move(reason));
}

// Without the compile lock, another request may already have quarantined it and published anew.
void quarantine(Attempt& attempt, const format::Part& part, const std::string& reason) {
    attempt.log().warn_once(
        "crash", "'" + attempt.identified.model.path + "': " + reason + "; it is compiled again");
    if (const auto done =
            attempt.store->quarantine(attempt.identified.key, part, "its use ended a process");
        !done) {
        attempt.log().warn_once("quarantine", done.error().message());
    }
}

// A miss without a reason: the entry has no object.
OrMiss<void> check_crashes(Attempt& attempt, const format::Manifest& manifest, Locked locked) {
    if (manifest.parts.empty()) return miss(Miss::Kind::other);
    auto& store = *attempt.store;
    const auto& part = manifest.own_part();
    const auto count = store.count_crashes(part.object);
    if (!count || count->crashes == 0) return {};
    if (count->crashes < (store.is_proven(part.object) ? k_crashes_proven : k_crashes_unproven)) {
        return {};
    }
    auto& objections = attempt.objections;
    auto blame = objections.blame;
    blame.add(*count);
    objections.is_innocent = is_refuted(attempt, blame);
    if (objections.is_innocent) return {};
    std::string reason = "a process crashed when it used the kept blob, which is set aside";
    if (locked == Locked::yes || store.access() == store::Access::read_only) {
        objections.blame = std::move(blame);
        quarantine(attempt, part, reason);
    }
    return miss(std::move(reason));
}

}  // namespace

std::string describe_withheld(const format::Manifest& manifest) {
    return "it is not kept any more: " + manifest.notes.at(k_withheld_note);
}

OrMiss<format::Manifest> find_entry(Attempt& attempt, Locked locked) {
    auto manifest = look_up(attempt);
    if (!manifest) return manifest;
    auto& objections = attempt.objections;
    objections.read(*manifest, attempt.clock().wall().count());
    if (is_withheld_for_crashes(*manifest) &&
        (objections.blame.crashes == 0 || is_refuted(attempt, objections.blame))) {
        objections.blame = {};
        return miss("crashes kept it from being stored, and no longer count");
    }
    if (is_wanted_all_the_same(attempt.session, *attempt.store, *manifest)) {
        return miss("it was not kept because loading it saved no time, and is wanted now");
    }
    if (is_withheld(*manifest)) {
        // An entry withheld because a load is no faster than a compile counts as a hit here.
        const bool is_hit =
            attempt.config().mode != Mode::cache_only || is_withheld_for_gain(*manifest);
        if (!is_hit) return miss(describe_withheld(*manifest));
        return manifest;
    }
    if (attempt.request.check(manifest->requirements) == runtime::Compatibility::refused) {
        return miss(Miss::Kind::of_other_machine,
                    "the runtime on this machine does not accept the kept blob, which needs " +
                        manifest->requirements);
    }
    if (auto safe = check_crashes(attempt, *manifest, locked); !safe) {
        return tl::unexpected(std::move(safe.error()));
    }
    return manifest;
}

}  // namespace larder::internal::cache
