#include "cache/attempt/explain.h"

#include <algorithm>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

#include "cache/attempt/gain.h"
#include "cache/blob/model_bytes.h"
#include "cache/blob/refer_to_files.h"
#include "cache/entries/blame.h"
#include "cache/entries/kernels.h"
#include "cache/entries/notes.h"
#include "cache/identify/key.h"
#include "cache/identify/link.h"
#include "cache/session/report.h"
#include "cache/sharing/unpacked.h"

namespace larder::internal::cache {
namespace {

std::optional<std::string> input(const format::KeyInputs& inputs, const std::string& name) {
    const auto found = inputs.find(name);
    return found == inputs.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Explanation::Difference> differences(const format::KeyInputs& kept,
                                                 const format::KeyInputs& asked) {
    std::set<std::string> names;
    for (const auto& [name, value] : kept) names.insert(name);
    for (const auto& [name, value] : asked) names.insert(name);
    std::vector<Explanation::Difference> result;
    for (const auto& name : names) {
        auto a = input(kept, name);
        auto b = input(asked, name);
        if (a != b) result.push_back({name, std::move(a), std::move(b)});
    }
    return result;
}

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

// Says which of a model's files have changed.
std::string describe_changes(const format::ModelInfo& kept, const format::ModelInfo& asked) {
    std::vector<std::string> changed;
    std::vector<std::string> same;
    for (const auto& file : asked.files) {
        const auto before = std::ranges::find(kept.files, file.role, &format::SourceFile::role);
        const bool is_same = before != kept.files.end() && before->digest == file.digest;
        (is_same ? same : changed).push_back(file.role);
    }
    if (changed.empty() || same.empty()) return "the model has changed since it was compiled";
    return "of the model's files, " + join(changed) + " changed since it was compiled, and " +
           join(same) + " did not";
}

std::string describe_miss(const format::Manifest& kept, const Identified& asked,
                          const std::vector<Explanation::Difference>& found) {
    const bool same_content =
        input(kept.key_inputs, "model.fingerprint") == input(asked.inputs, "model.fingerprint");
    const auto device = input(asked.inputs, "device.name");
    if (const auto before = input(kept.key_inputs, "device.name"); before != device) {
        return "it is kept for " + before.value_or("?") + ", and asked for " + device.value_or("?");
    }
    if (!same_content && (kept.model.kind == "memory" || asked.model.kind == "memory")) {
        const auto shapes = note_in(kept, k_shapes_note);
        return "the entry of this file is of another graph, changed by a program or reshaped" +
               (shapes.empty() ? shapes : ": " + shapes);
    }
    if (!same_content) {
        return describe_changes(kept.model, asked.model);
    }
    std::string reason = "it differs from the nearest kept entry in ";
    for (const auto& difference : found) {
        reason += (&difference == &found.front() ? "" : ", ") + difference.input;
    }
    return reason;
}

store::SourceFinder finder_of(Session& session, const Identified& asked) {
    const auto model = std::make_shared<ModelBytes>(session, asked);
    return [model](const format::Referred& referred) { return model->find(referred); };
}

// Checks the blob as a load would, except for the runtime's part.
Result<void> look_at_blob(store::Store& store, const format::Manifest& manifest,
                          store::Verify policy, const store::SourceFinder& find) {
    switch (manifest.encoding) {
        case format::Encoding::raw:
        case format::Encoding::compressed:
        case format::Encoding::referring:
        case format::Encoding::variant: {
            const auto blob = store.open_blob(manifest, policy, find);
            if (!blob) return fail(blob.error());
            return {};
        }
        case format::Encoding::encrypted:
        case format::Encoding::files: break;
    }
    for (const auto& part : manifest.parts) {
        const auto object = store.open_object(manifest.key, part, policy);
        if (!object) return fail(object.error());
    }
    return {};
}

Result<void> look_at_linked(Session& session, store::Store& store, const LinkedEntry& linked,
                            const Identified& asked) {
    const auto& manifest = linked.manifest;
    const auto verify = session.config().verify;
    if (manifest.encoding != format::Encoding::referring || !asked.files) {
        return look_at_blob(store, manifest, verify, finder_of(session, asked));
    }
    const auto object = store.open_object(manifest.key, manifest.own_part(), verify);
    if (!object) return fail(object.error());
    const auto changed = refer_to_files(object->bytes(), linked.weights, *asked.files);
    return changed ? Result<void>{} : fail(changed.error());
}

// Finds the entry that has most in common with the request, among those related to its model;
// without one, among the quarantined ones.
void find_nearest(store::Store& store, const Identified& asked,
                  const std::vector<format::Manifest>& set_aside, Explanation& explanation) {
    const auto fingerprint = input(asked.inputs, "model.fingerprint");
    // A differing content weighs more than any number of other inputs.
    std::tuple least(true, SIZE_MAX, format::Key{});
    const auto compare = [&](const format::Manifest& manifest) {
        if (manifest.key == asked.key) return;
        if (!unpacked_from(manifest).empty() || !kernels_of(manifest).empty()) return;
        const bool same_content = input(manifest.key_inputs, "model.fingerprint") == fingerprint;
        if (!same_content && manifest.model.path != asked.model.path) return;
        auto found = differences(manifest.key_inputs, asked.inputs);
        const std::tuple distance(!same_content, found.size(), manifest.key);
        if (distance >= least) return;
        least = distance;
        explanation.nearest_key = manifest.key.hex();
        explanation.reason = describe_miss(manifest, asked, found);
        explanation.differences = std::move(found);
    };
    const auto visited = store.for_each_entry([&](const store::ListedEntry& entry) {
        if (entry.manifest) compare(*entry.manifest);
        return store::Continue::yes;
    });
    if (explanation.nearest_key.empty()) {
        for (const auto& manifest : set_aside) compare(manifest);
    }
    // If a larder cannot be listed, there is no nearest entry.
    if (!visited) explanation.reason += "; " + visited.error().message();
}

// Finds the entry that a request would find: among those of machines that differ, this machine's.
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

Result<Explanation> explain_as_kept(Session& session, runtime::Request& request,
                                    const ModelReference& model) {
    Explanation explanation;
    if (session.config().mode == Mode::off) {
        explanation.reason = "larder is switched off";
        return explanation;
    }
    auto store = session.store(store::Creation::never);
    if (!store) return fail(std::move(store.error()));
    Timing timing;
    auto asked = identify(session, request, model, timing);
    if (!asked) return fail(std::move(asked.error()));
    if (asked->caching == runtime::Caching::none) {
        explanation.reason = asked->reason;
        return explanation;
    }
    const auto found = find_own(**store, request, *asked);
    explanation.key = asked->key.hex();
    // Also where an entry of its own is of no use: the request then takes the other one's blob.
    const auto would_be_linked = [&] {
        const bool keeps =
            session.config().mode == Mode::on && (*store)->access() == store::Access::read_write;
        const auto& other = model.origin == ModelOrigin::memory ? entry_of_file : entry_of_graph;
        const auto linked = keeps ? other(session, **store, request, *asked) : std::nullopt;
        return linked && look_at_linked(session, **store, *linked, *asked);
    };
    if (found.manifest) {
        const auto& manifest = *found.manifest;
        const auto withheld = manifest.notes.find(k_withheld_note);
        const auto now_ns = session.system().clock.wall().count();
        if (is_withheld_for_crashes(manifest) && Blame::noted_in(manifest, now_ns).crashes == 0) {
            explanation.reason =
                "crashes kept it from being stored, but they have expired: the next start stores "
                "it";
        } else if (is_wanted_all_the_same(session, **store, manifest)) {
            explanation.reason =
                "it was not kept because loading it saved no time, and is wanted now: the next "
                "start keeps it";
        } else if (withheld != manifest.notes.end()) {
            explanation.reason = "it is not kept any more: " + withheld->second +
                                 "; to keep it nevertheless: " + lifting_command(manifest);
        } else if (request.check(manifest.requirements) == runtime::Compatibility::refused) {
            explanation.reason =
                "the runtime on this machine does not accept the kept blob, which needs " +
                manifest.requirements;
        } else if (const auto seen = look_at_blob(**store, manifest, session.config().verify,
                                                  finder_of(session, *asked));
                   !seen) {
            explanation.would_hit = would_be_linked();
            if (!explanation.would_hit) explanation.reason = seen.error().message();
        } else {
            explanation.would_hit = true;
        }
        return explanation;
    }
    explanation.would_hit = would_be_linked();
    if (explanation.would_hit) return explanation;
    if (found.fault) {
        explanation.reason = found.fault->message();
        return explanation;
    }
    explanation.reason = "no entry was compiled from this content";
    const auto set_aside = (*store)->entries_set_aside().value_or(std::vector<format::Manifest>{});
    if (std::ranges::find(set_aside, asked->key, &format::Manifest::key) != set_aside.end()) {
        explanation.reason = k_set_aside;
        return explanation;
    }
    find_nearest(**store, *asked, set_aside, explanation);
    return explanation;
}

}  // namespace

Result<Explanation> explain(Session& session, runtime::Request& request,
                            const ModelReference& model) {
    auto explanation = explain_as_kept(session, request, model);
    if (explanation && explanation->would_hit && session.config().mode == Mode::refresh) {
        explanation->would_hit = false;
        explanation->reason = "the mode is refresh: it is compiled again";
    }
    if (!explanation || explanation->would_hit) return explanation;
    const auto key = format::Key::from_hex(explanation->key);
    const auto store = session.store(store::Creation::never);
    if (!key || !store) return explanation;
    if (const auto holder = (*store)->compile_lock_holder(*key)) {
        explanation->reason += "; " + describe(*holder, session.system().clock.wall());
    }
    return explanation;
}

}  // namespace larder::internal::cache
