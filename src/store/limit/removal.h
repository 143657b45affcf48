// Removes entries, and objects that no entry uses. Private to store/.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/result.h"
#include "store/disk/administration.h"
#include "store/disk/context.h"
#include "store/disk/locks.h"
#include "store/disk/types.h"

namespace larder::internal::store {

// Shows which entries use which objects. Scanned without a lock first, so that the second scan,
// behind the gate, only reads what has changed meanwhile.
class References {
public:
    // Fast if little has changed since the last scan. An entry that cannot be read, or is of a
    // newer format, may use any object: see complete(). A damaged one uses none.
    [[nodiscard]] Result<void> scan(Context& context);

    // False if it is unknown which objects some entry uses: then no object may be taken for unused.
    [[nodiscard]] bool complete() const { return complete_; }
    [[nodiscard]] const std::vector<Digest>& objects_of(const Key& key) const;
    // Tells whether an entry that is not in `besides` uses the object.
    [[nodiscard]] bool is_used(const Digest& object, const std::set<Key>& besides = {}) const;

private:
    struct Seen {
        os::FileStamp stamp;
        std::vector<Digest> objects;
        bool readable = true;
    };
    std::map<Key, Seen> entries_;
    std::map<Digest, std::set<Key>> users_;
    bool complete_ = true;
};

// Removes entries, then objects, and subtracts both from the account. To be called behind the
// exclusive gate, unless it is a dry run. Adds to `removal`.
[[nodiscard]] Result<void> take_away(Context& context, const std::set<Key>& entries,
                                     std::span<const Digest> objects, DryRun dry_run,
                                     Removal& removal);

// Enters the gate for that; returns nothing for a dry run.
[[nodiscard]] Result<std::optional<Gate>> enter_to_remove(Context& context, DryRun dry_run);
// The same, and scans into `scanned`: once before other processes are kept out, and again behind
// the gate, where little is left to read.
template <typename Scanned>
[[nodiscard]] Result<std::optional<Gate>> scan_and_enter(Context& context, DryRun dry_run,
                                                         Scanned& scanned) {
    if (auto done = scanned.scan(context); !done) return fail(std::move(done.error()));
    auto gate = enter_to_remove(context, dry_run);
    if (!gate || !*gate) return gate;
    if (auto done = scanned.scan(context); !done) return fail(std::move(done.error()));
    return gate;
}

// Removes those of `objects` that no entry uses. Best effort: a prune removes those that are left.
void reclaim(Context& context, std::span<const Digest> objects) noexcept;

// See Store for the contracts.
[[nodiscard]] Result<Removal> remove_entries(Context& context, std::span<const Key> keys,
                                             DryRun dry_run);

}  // namespace larder::internal::store
