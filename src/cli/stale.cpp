#include "cli/stale.h"

#include <memory>

#include "cli/listing.h"
#include "cli/runtime.h"

namespace larder::cli {

std::unique_ptr<Machine> machine_or_null() {
    try {
        return runtime().machine();
    } catch (const std::exception&) {
        // Without a runtime no entry can be incompatible with it; doctor reports what is wrong.
        return nullptr;
    }
}

void find_stale(const Store& store, std::vector<EntryInfo>& entries, StaleSearch::Reading reading) {
    if (entries.empty()) return;
    const auto machine = machine_or_null();
    store.find_stale(entries, {reading, machine.get()});
}

std::map<std::string, std::string> stale_keys(const Store& store, const StaleChoice& choice) {
    using Reading = StaleSearch::Reading;
    auto entries = store.entries(EntryDetail::summary);
    find_stale(store, entries, choice.certain ? Reading::all : Reading::little);
    std::map<std::string, std::string> keys;
    for (const auto& entry : entries) {
        if (!entry.stale) continue;
        const auto reason = entry.stale->reason;
        const bool is_of_the_runtime =
            reason == StaleReason::superseded || reason == StaleReason::incompatible;
        if ((choice.certain && entry.stale->certain) ||
            (choice.incompatible && is_of_the_runtime)) {
            keys[entry.key] = to_string(reason);
        }
    }
    return keys;
}

std::map<std::string, StaleSum> stale_sums(const std::vector<EntryInfo>& entries) {
    std::map<std::string, StaleSum> sums;
    for (const auto reason : {StaleReason::gone, StaleReason::changed, StaleReason::superseded,
                              StaleReason::incompatible}) {
        sums[to_string(reason)];
    }
    for (const auto& entry : entries) {
        if (!entry.stale) continue;
        auto& sum = sums[stale_reason(entry)];
        ++sum.entries;
        sum.bytes += entry.kept_bytes();
    }
    return sums;
}

}  // namespace larder::cli
