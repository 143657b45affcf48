// Removes entries and objects that a shared storage need not hold any more.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "format/key.h"
#include "larder/reports.hpp"
#include "remote/tier.h"

namespace larder::internal::exchange {

using larder::DryRun;

struct SharedPruning {
    std::vector<format::Key> entries;
    std::uint64_t objects = 0;  // that no entry names any more
    std::uint64_t bytes = 0;    // of entries and objects
    // Entries that cannot be read, or of a newer larder, are there: what objects they need is not
    // known, and none is taken.
    bool keeps_objects = false;
};

// An object that no entry names stays for so long: a push writes objects before the entry, and
// refreshes those that are there already.
inline constexpr std::chrono::nanoseconds k_object_grace = std::chrono::hours(24);

// Removes entries that were pushed last before `now - older_than`, by the storage's clock, and
// objects that no entry names. Safe while others push and pull: a pull of an entry that is removed
// at the same time gets all of it or nothing.
[[nodiscard]] Result<SharedPruning> prune(remote::Tier& tier, std::chrono::nanoseconds now,
                                          std::chrono::nanoseconds older_than, DryRun dry_run);

}  // namespace larder::internal::exchange
