// The entries of one session that the kernel writes to the disk in its own time.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "format/manifest.h"
#include "store/store.h"

namespace larder::internal::cache {

// Thread-safe.
class PublishedSoon {
public:
    void add(const std::shared_ptr<store::Store>& store, const format::Key& key);
    // Waits until the disk has all that were added since the last call; no time limit. Returns the
    // faults. An entry or a store that is gone by now is none.
    [[nodiscard]] std::vector<Error> make_durable();

private:
    struct Entry {
        std::weak_ptr<store::Store> store;
        format::Key key;
    };

    std::mutex mutex_;
    std::vector<Entry> entries_;
};

}  // namespace larder::internal::cache
