#include "cache/explain.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "cache/blame.h"
#include "cache/key.h"
#include "cache/unpacked.h"

namespace larder::internal::cache {
namespace {

std::optional<std::string> input(const format::KeyInputs& inputs, const std::string& name) {
    const auto found = inputs.find(name);
    return found == inputs.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Difference> differences(const format::KeyInputs& kept, const format::KeyInputs& asked) {
    std::set<std::string> names;
    for (const auto& [name, value] : kept) names.insert(name);
    for (const auto& [name, value] : asked) names.insert(name);
    std::vector<Difference> result;
    for (const auto& name : names) {
        auto a = input(kept, name);
        auto b = input(asked, name);
        if (a != b) result.push_back({name, std::move(a), std::move(b)});
    }
    return result;
}

// The kept entry that has most in common with the request, among those that have anything to do
// with its model.
void find_nearest(store::Store& store, const Identified& asked, Explanation& explanation) {
    const auto fingerprint = input(asked.inputs, "model.fingerprint");
    // Another content is further away than any number of other inputs.
    std::tuple least(true, SIZE_MAX, format::Key{});
    const auto visited = store.for_each_entry([&](const store::ListedEntry& entry) {
        if (!entry.manifest || entry.key == asked.key) return store::Continue::yes;
        const auto& manifest = *entry.manifest;
        if (!unpacked_from(manifest).empty()) return store::Continue::yes;
        const bool same_content = input(manifest.key_inputs, "model.fingerprint") == fingerprint;
        if (!same_content && manifest.model.path != asked.model.path) return store::Continue::yes;
        auto found = differences(manifest.key_inputs, asked.inputs);
        if (const std::tuple distance(!same_content, found.size(), entry.key); distance < least) {
            least = distance;
            explanation.nearest = entry.key;
            explanation.differences = std::move(found);
        }
        return store::Continue::yes;
    });
    // A larder that cannot be listed has no nearest entry; the reason for the miss stands.
    if (!visited) explanation.reason += "; " + visited.error().message();
}

// The entry that a request would find: of those of machines that differ, this one's.
store::Lookup find_own(store::Store& store, runtime::Request& request, Identified& asked) {
    std::optional<unsigned> other;
    for (unsigned machine = 0; asked.needs_more && machine < k_machines_max; ++machine) {
        number_key(asked, machine);
        auto found = store.find(asked.key);
        if (!found.manifest && !found.fault) continue;
        if (!found.manifest ||
            request.check(found.manifest->requirements) != runtime::Compatibility::refused) {
            return found;
        }
        if (!other) other = machine;
    }
    number_key(asked, other.value_or(0));
    return store.find(asked.key);
}

}  // namespace

Result<Explanation> explain(Session& session, runtime::Request& request,
                            const ModelReference& model) {
    Explanation explanation;
    auto store = session.store();
    if (!store) return fail(std::move(store.error()));
    Timing timing;
    auto asked = identify(session, request, model, timing);
    if (!asked) return fail(std::move(asked.error()));
    if (asked->caching == runtime::Caching::none) {
        explanation.reason = asked->reason;
        return explanation;
    }
    const auto found = find_own(**store, request, *asked);
    explanation.key = asked->key;
    if (found.manifest) {
        const auto& manifest = *found.manifest;
        const auto withheld = manifest.notes.find(k_withheld_note);
        const auto now_ns = session.system().clock.wall().count();
        if (is_withheld_for_crashes(manifest) && Blame::noted_in(manifest, now_ns).crashes == 0) {
            explanation.reason = "it was not kept for a while: the next start keeps it again";
        } else if (withheld != manifest.notes.end()) {
            explanation.reason = "it is not kept any more: " + withheld->second;
        } else if (request.check(manifest.requirements) == runtime::Compatibility::refused) {
            explanation.reason =
                "the runtime on this machine does not accept what is kept, which needs " +
                manifest.requirements;
        } else {
            explanation.would_hit = true;
        }
        return explanation;
    }
    explanation.reason = found.fault ? found.fault->message() : "it is not kept";
    find_nearest(**store, *asked, explanation);
    if (!explanation.differences.empty()) {
        explanation.reason = "it differs from the nearest kept entry in ";
        for (const auto& difference : explanation.differences) {
            const bool first = &difference == &explanation.differences.front();
            explanation.reason += (first ? "" : ", ") + difference.input;
        }
    }
    return explanation;
}

}  // namespace larder::internal::cache
