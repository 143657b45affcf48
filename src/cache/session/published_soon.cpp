#include "cache/session/published_soon.h"

namespace larder::internal::cache {

void PublishedSoon::add(const std::shared_ptr<store::Store>& store, const format::Key& key) {
    const std::lock_guard lock(mutex_);
    entries_.push_back({store, key});
}

std::vector<Error> PublishedSoon::make_durable() {
    std::vector<Entry> entries;
    {
        const std::lock_guard lock(mutex_);
        entries.swap(entries_);
    }
    std::vector<Error> faults;
    for (const auto& entry : entries) {
        const auto store = entry.store.lock();
        if (!store) continue;
        auto done = store->make_durable(entry.key);
        if (!done && done.error().code != Errc::not_found) faults.push_back(done.error());
    }
    return faults;
}

}  // namespace larder::internal::cache
