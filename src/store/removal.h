// Taking away entries, and objects that no entry uses. Private to store/.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/result.h"
#include "store/administration.h"
#include "store/context.h"
#include "store/locks.h"
#include "store/types.h"

namespace larder::internal::store {

// Which entries use which objects. Scanned without a lock first, so that the second scan, behind
// the gate, only reads what has changed meanwhile.
class References {
public:
    // Cheap where little has changed since the last scan. An entry that cannot be read, or is of a
    // newer format, may use anything: see complete(). One that is damaged uses nothing.
    [[nodiscard]] Result<void> scan(Context& context);

    // False if what some entry uses is not known: then no object may be taken for unused.
    [[nodiscard]] bool complete() const { return complete_; }
    [[nodiscard]] const std::vector<Digest>& objects_of(const Key& key) const;
    // Whether an entry that is not in `besides` uses the object.
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

// Behind the exclusive gate, unless it is a dry run: takes away entries, then objects, and both off
// the account. Adds to `removal`.
[[nodiscard]] Result<void> take_away(Context& context, const std::set<Key>& entries,
                                     std::span<const Digest> objects, DryRun dry_run,
                                     Removal& removal);

// The gate for it; nothing for a dry run.
[[nodiscard]] Result<std::optional<Gate>> enter_to_remove(Context& context, DryRun dry_run);
// The same, with what is there in `scanned`: read before others are kept out, and again behind the
// gate, when little is left to read.
template <typename Scanned>
[[nodiscard]] Result<std::optional<Gate>> scan_and_enter(Context& context, DryRun dry_run,
                                                         Scanned& scanned) {
    if (auto done = scanned.scan(context); !done) return fail(std::move(done.error()));
    auto gate = enter_to_remove(context, dry_run);
    if (!gate || !*gate) return gate;
    if (auto done = scanned.scan(context); !done) return fail(std::move(done.error()));
    return gate;
}

// Removes those of `objects` that no entry uses. Best effort: what stays is found by
// collect_garbage.
void reclaim(Context& context, std::span<const Digest> objects) noexcept;

}  // namespace larder::internal::store
