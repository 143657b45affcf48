#include "cache/stale/staleness.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace larder::internal::cache {
namespace {

using format::KeyInputs;

constexpr const char* k_device_name = "device.name";

std::string_view value_of(const KeyInputs& inputs, const std::string& name) {
    const auto found = inputs.find(name);
    return found == inputs.end() ? std::string_view{} : found->second;
}

bool is_property(std::string_view name) { return name.starts_with("property."); }

// All inputs of one kind, as one text.
template <class Wanted>
std::string text_of(const KeyInputs& inputs, const Wanted& wanted) {
    std::string text;
    for (const auto& [name, value] : inputs) {
        if (!wanted(name)) continue;
        text.append(name).append(1, '\0').append(value).append(1, '\0');
    }
    return text;
}

template <class Visit>
void for_each_fact(const KeyInputs& built_for, const Visit& visit) {
    for (const auto& [name, value] : built_for) {
        if (name != k_device_name) visit(name, value);
    }
}

std::string facts_of(const KeyInputs& inputs) {
    std::string text;
    for_each_fact(inputs, [&](const std::string& name, const std::string& value) {
        text.append(name).append(1, '\0').append(value).append(1, '\0');
    });
    return text;
}

bool is_of_runtime(std::string_view name) { return name.starts_with("runtime."); }

bool are_of_one_runtime(const KeyInputs& one, const KeyInputs& other) {
    return text_of(one, is_of_runtime) == text_of(other, is_of_runtime);
}

// Returns "runtime.openvino was 2026.3, is 2026.4"; empty if no input that both have differs, and
// the same kind of runtime has no new input now.
std::string difference(const KeyInputs& then, const KeyInputs& now) {
    std::string text;
    const bool is_same_kind = std::ranges::any_of(then, [&](const auto& fact) {
        return is_of_runtime(fact.first) && now.contains(fact.first);
    });
    for_each_fact(now, [&](const std::string& name, const std::string& value) {
        if (!is_same_kind || !is_of_runtime(name) || then.contains(name)) return;
        text += (text.empty() ? "" : "; ") + name + " was not told, is '" + value + "'";
    });
    for_each_fact(then, [&](const std::string& name, const std::string& value) {
        const auto other = now.find(name);
        if (other == now.end() || other->second == value) return;
        text +=
            (text.empty() ? "" : "; ") + name + " was '" + value + "', is '" + other->second + "'";
    });
    return text;
}

// Each present device reports its full name, except a CPU whose instruction sets say all; a device
// with neither is not in this machine.
bool has_devices(const KeyInputs& kept, const KeyInputs& here) {
    constexpr std::string_view k_name = "FULL_DEVICE_NAME";
    bool has = !here.empty();
    for_each_fact(kept, [&](const std::string& name, const std::string& /*value*/) {
        if (!name.ends_with(k_name) || here.contains(name)) return;
        const auto sets = name.substr(0, name.size() - k_name.size()) + "INSTRUCTION_SETS";
        if (!here.contains(sets)) has = false;
    });
    return has;
}

class Judge {
public:
    Judge(std::span<const KeptEntry> entries, const AllInputs& all_inputs, Machine* machine,
          std::int64_t now_ns)
        : entries_(entries),
          all_inputs_(all_inputs),
          machine_(machine),
          now_ns_(now_ns),
          result_(entries.size()) {}

    std::vector<std::optional<Staleness>> run() {
        // A blob, its unpacked form and its kernels do not supersede each other.
        using ByDevice = std::map<std::pair<std::string_view, KeptForm>, std::vector<std::size_t>>;
        std::unordered_map<std::string_view, ByDevice> by_model;
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            const auto device = value_of(*entries_[i].built_for, k_device_name);
            by_model[entries_[i].fingerprint][{device, entries_[i].form}].push_back(i);
        }
        for (const auto& [model, by_device] : by_model) {
            for (const auto& [device, members] : by_device) find_superseded(members);
        }
        for (std::size_t i = 0; i < entries_.size(); ++i) judge_alone(i);
        return std::move(result_);
    }

private:
    struct Build {
        std::vector<std::size_t> members;
        std::map<std::size_t, KeyInputs> inputs;  // all key inputs, by member
        std::set<std::string> properties;         // the properties that any member has
        bool in_use_here = false;
    };

    // Judges by what needs no comparison with other entries.
    void judge_alone(std::size_t i) {
        const auto& entry = entries_[i];
        const auto& model = entry.model;
        if (model.where == Whereabouts::gone) {
            result_[i] = {StaleReason::gone, "'" + model.path + "' is gone", true};
        } else if (model.where == Whereabouts::changed) {
            result_[i] = {StaleReason::changed, "'" + model.path + "' has other content", true};
        } else if (!result_[i]) {
            if (auto why = refusal(entry); !why.empty()) {
                result_[i] = {StaleReason::incompatible, std::move(why), is_disused(entry)};
            }
        }
    }

    // Groups entries into builds by their facts. An entry is superseded by one of another build
    // that agrees in all properties that both builds know.
    void find_superseded(const std::vector<std::size_t>& members) {
        // Entries of a list with the same facts share one copy.
        const auto* const first = entries_[members.front()].built_for;
        const auto is_first = [&](std::size_t i) { return entries_[i].built_for == first; };
        if (std::ranges::all_of(members, is_first)) return;
        std::map<std::string, Build> builds;
        for (const auto i : members) builds[facts_of(*entries_[i].built_for)].members.push_back(i);
        if (builds.size() < 2) return;
        for (auto& [facts, build] : builds) build.in_use_here = is_in_use_here(build);
        if (std::ranges::none_of(builds, [](const auto& b) { return b.second.in_use_here; })) {
            return;
        }
        for (auto& [facts, build] : builds) {
            for (const auto i : build.members) {
                build.inputs[i] = all_inputs_(i);
                for (const auto& [name, value] : build.inputs[i]) {
                    if (is_property(name)) build.properties.insert(name);
                }
            }
        }
        for (const auto& [newer_facts, newer] : builds) {
            if (!newer.in_use_here) continue;
            for (const auto& [older_facts, older] : builds) {
                if (newer_facts == older_facts || are_of_two_devices(older, newer)) continue;
                if (are_of_two_runtimes(older, newer)) continue;
                supersede(older, newer);
            }
        }
    }

    void supersede(const Build& older, const Build& newer) {
        const auto both_know = [&](const std::string& name) {
            return older.properties.contains(name) && newer.properties.contains(name);
        };
        std::map<std::string, std::size_t> newest;  // by properties
        for (const auto i : newer.members) {
            const auto [known, is_new] =
                newest.try_emplace(text_of(newer.inputs.at(i), both_know), i);
            if (entries_[known->second].created_at_ns < entries_[i].created_at_ns) {
                known->second = i;
            }
        }
        for (const auto i : older.members) {
            const auto& entry = entries_[i];
            const auto found = newest.find(text_of(older.inputs.at(i), both_know));
            if (found == newest.end()) continue;
            const auto& successor = entries_[found->second];
            // If the entry was used after that, another runtime than the newer one still uses it.
            if (successor.created_at_ns <= used_at_ns(entry)) continue;
            result_[i] = {StaleReason::superseded,
                          "replaced by " + std::string(successor.key.substr(0, 12)) + ": " +
                              difference(*entry.built_for, *successor.built_for),
                          is_disused(entry)};
        }
    }

    // If this machine has two devices side by side, such as two GPUs of different makes, neither
    // replaces the other.
    bool are_of_two_devices(const Build& one, const Build& other) const {
        if (machine_ == nullptr || !one.in_use_here || !other.in_use_here) return false;
        return !difference(*entries_[one.members.front()].built_for,
                           *entries_[other.members.front()].built_for)
                    .empty();
    }

    // If programs of this machine have two versions of OpenVINO, entries of one do not supersede
    // those of the other.
    bool are_of_two_runtimes(const Build& older, const Build& newer) const {
        const auto& entry = entries_[older.members.front()];
        return entry.asked_for_here &&
               !are_of_one_runtime(*entry.built_for, *entries_[newer.members.front()].built_for);
    }

    bool is_in_use_here(const Build& build) const {
        return std::ranges::any_of(build.members, [&](std::size_t i) {
            const auto& entry = entries_[i];
            if (machine_ == nullptr) return entry.last_used_at_ns.has_value();
            const auto& here = machine_->inputs(*entry.built_for);
            return has_devices(*entry.built_for, here) && refusal(entry).empty();
        });
    }

    // Says why a request for this entry would not find it on this machine; empty if that is
    // unknown.
    std::string refusal(const KeptEntry& entry) const {
        if (machine_ == nullptr) return {};
        const auto& here = machine_->inputs(*entry.built_for);
        if (!has_devices(*entry.built_for, here)) return {};
        // Another OpenVINO of this machine still loads it.
        if (entry.asked_for_here && !are_of_one_runtime(*entry.built_for, here)) return {};
        auto why = difference(*entry.built_for, here);
        if (why.empty() && machine_->refuses(std::string(value_of(*entry.built_for, k_device_name)),
                                             std::string(entry.requirements))) {
            why =
                "the runtime here refuses what requires '" + std::string(entry.requirements) + "'";
        }
        return why;
    }

    static std::int64_t used_at_ns(const KeptEntry& entry) {
        return std::max(
            {entry.created_at_ns, entry.last_used_at_ns.value_or(0), entry.used_anywhere_at_ns});
    }
    bool is_disused(const KeptEntry& entry) const {
        return now_ns_ - used_at_ns(entry) >= std::chrono::nanoseconds(k_disuse).count();
    }

    std::span<const KeptEntry> entries_;
    const AllInputs& all_inputs_;
    Machine* machine_;
    std::int64_t now_ns_;
    std::vector<std::optional<Staleness>> result_;
};

}  // namespace

Digest facts_digest(const KeyInputs& inputs) {
    const auto text = text_of(inputs, [](std::string_view name) {
        return is_of_runtime(name) || name.starts_with("device.");
    });
    return hash_bytes(std::as_bytes(std::span(text)));
}

std::vector<std::optional<Staleness>> judge(std::span<const KeptEntry> entries,
                                            const AllInputs& all_inputs, Machine* machine,
                                            std::int64_t now_ns) {
    return Judge(entries, all_inputs, machine, now_ns).run();
}

}  // namespace larder::internal::cache
