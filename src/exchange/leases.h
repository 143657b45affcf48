// Leases: of all machines that miss an entry at the same time, one compiles it, and the others wait
// for it. A lease is a small content "leases/3f/3f2a….1" that is written only if it is not there.
// One that is too old belongs to a machine that has ended: it stays, and the next number is taken,
// so that nothing is ever removed that somebody else has just written.
//
// Nothing depends on leases but time: where a storage does not honour conditions, or clocks differ,
// two machines compile the same, and the later one replaces the entry.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "format/key.h"
#include "remote/tier.h"

namespace larder::internal::exchange {

enum class Leased { ours, others };

inline constexpr std::chrono::nanoseconds k_lease_time = std::chrono::minutes(2);

// `holder` is the name of this machine's larder: a lease under that name is of a process that has
// ended, as the compile lock of the key is held. `now` is the time since the epoch.
[[nodiscard]] Result<Leased> take_lease(remote::Tier& tier, const format::Key& key,
                                        const std::string& holder, std::chrono::nanoseconds now);

// Removes the leases of a key whose entry is there now. Errors are of no account: leases get old.
void drop_leases(remote::Tier& tier, const format::Key& key);

// Removes the leases of all keys that are older than a day. Returns how many; none if the storage
// lists nothing.
[[nodiscard]] std::uint64_t prune_leases(remote::Tier& tier, std::chrono::nanoseconds now);

// Lets several threads write the same name at once, each with a tier of its own. True if exactly
// one of them did: leases work. `number` is a new one for each call.
[[nodiscard]] Result<bool> honours_conditions(
    const std::function<Result<std::unique_ptr<remote::Tier>>()>& open, std::uint64_t number);

}  // namespace larder::internal::exchange
