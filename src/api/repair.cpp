#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "larder/larder.hpp"
#include "openvino/recorded_properties.h"

namespace larder {
namespace {

struct Request {
    std::string device;
    ov::AnyMap properties;
    bool would_hit = false;
};

// Finds the request that gives the entry's key. The keys of all GPUs of one make have the device
// "GPU", and GPUs of other makes may be present. If there is no such request, `why` gets the
// reason, if known.
std::optional<Request> request_of(Cache& cache, ov::Core& core, const EntryInfo& entry,
                                  std::string& why) {
    std::vector<std::string> devices{entry.device};
    for (auto& device : core.get_available_devices()) {
        if (device.starts_with(entry.device + ".")) devices.push_back(std::move(device));
    }
    for (auto& device : devices) {
        auto properties = internal::openvino::recorded_properties(core, device, entry.key_inputs);
        const auto now = cache.explain(core, entry.model, device, properties);
        if (now.key == entry.key) {
            return Request{std::move(device), std::move(properties), now.would_hit};
        }
        if (now.nearest_key == entry.key) why = now.reason;
    }
    return std::nullopt;
}

Repair removed(const EntryInfo& entry, std::string reason) {
    return {entry.key, entry.model, entry.device, Repair::Outcome::removed, std::move(reason)};
}

// An entry whose object is lost must be gone before the request that compiles it anew.
void remove_if_there(Store& store, const std::string& key) {
    try {
        static_cast<void>(store.remove({key}, DryRun::no));
    } catch (const Error&) {
        // The entry is gone, or pinned: then the request replaces it.
    }
}

Repair recompile(Store& store, Cache& cache, ov::Core& core, const EntryInfo& entry) {
    if (!entry.unpacked_from.empty()) {
        return removed(entry, "processes store their shared memory again when they load the model");
    }
    if (!entry.kernels_of.empty()) {
        return removed(entry, "the device builds its kernels again when the model runs");
    }
    if (entry.kind == "memory" || entry.kind == "caller") {
        return removed(entry, "it was made from a model in a program's memory");
    }
    try {
        cache.check_model(entry.model);
        std::string why = "its model, the runtime or the device has changed";
        const auto request = request_of(cache, core, entry, why);
        if (!request) {
            return removed(entry, std::move(why));
        }
        if (!request->would_hit) remove_if_there(store, entry.key);
        const auto result =
            cache.compile_model(core, entry.model, request->device, request->properties);
        if (result.key != entry.key || result.outcome == Outcome::bypassed) {
            return removed(entry, result.reason);
        }
    } catch (const std::exception& failure) {
        return removed(entry, failure.what());
    }
    return {entry.key, entry.model, entry.device, Repair::Outcome::recompiled, {}};
}

// Returns the entries that were quarantined earlier and that one of the prefixes names, or all of
// them if there are no prefixes; removes those prefixes from the list.
std::vector<EntryInfo> take_set_aside(const Store& store, std::vector<std::string>& prefixes) {
    auto entries = store.entries_set_aside();
    if (prefixes.empty()) return entries;
    const auto names = [](const EntryInfo& entry) {
        return [&entry](const std::string& prefix) {
            return !prefix.empty() && entry.key.starts_with(prefix);
        };
    };
    std::erase_if(entries, [&](const EntryInfo& entry) {
        return std::ranges::none_of(prefixes, names(entry));
    });
    for (const auto& entry : entries) std::erase_if(prefixes, names(entry));
    return entries;
}

}  // namespace

RepairReport repair(Store& store, Cache& cache, ov::Core& core,
                    const std::vector<std::string>& prefixes,
                    const std::function<bool(std::uint64_t, std::uint64_t)>& progress,
                    const VerifyOptions& options) {
    if (store.exists() && !store.writable()) {
        throw Error(ErrorCode::read_only,
                    "the larder can only be read: '" + store.directory().string() + "'",
                    "repair it as a user, and on a machine, that can write there");
    }
    auto kept = prefixes;
    const auto earlier = take_set_aside(store, kept);
    RepairReport report;
    if (prefixes.empty() || !kept.empty()) report.verified = store.verify(kept, progress, options);
    std::set<std::string> seen;  // an entry of several objects may be damaged in all of them
    for (const auto& finding : report.verified.findings) {
        if (finding.damage != Damage::damaged || finding.key.empty()) continue;
        if (!seen.insert(finding.key).second) continue;
        if (finding.entry) {
            report.repairs.push_back(recompile(store, cache, core, *finding.entry));
        } else {
            report.repairs.push_back({finding.key,
                                      {},
                                      {},
                                      Repair::Outcome::removed,
                                      "its manifest is damaged, so that its model is unknown"});
        }
    }
    for (const auto& entry : earlier) {
        if (report.verified.complete && seen.insert(entry.key).second) {
            report.repairs.push_back(recompile(store, cache, core, entry));
        }
    }
    for (const auto& repaired : report.repairs) store.forget_set_aside({repaired.key});
    return report;
}

}  // namespace larder
