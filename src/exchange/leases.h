// Leases: of all machines that miss an entry at the same time, one compiles it, and the others wait
// for it. A lease is a small content "leases/3f/3f2a….1" that is written only if it is not there.
// Its holder renews it as long as it compiles. One that is not renewed belongs to a machine that
// has ended: it stays, and the next number is taken, so that nothing is ever removed that somebody
// else has just written. Of several numbers, only the last one counts.
//
// Nothing depends on leases but time: where a storage does not honour conditions, two machines
// compile the same, and the later one replaces the entry.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "format/key.h"
#include "os/system.h"
#include "remote/tier.h"

namespace larder::internal::exchange {

inline constexpr std::chrono::nanoseconds k_renew_period = std::chrono::seconds(10);
// A lease that a machine sees unchanged for so long, by its own clock, is dead: five renewals may
// fail.
inline constexpr std::chrono::nanoseconds k_lease_time = std::chrono::seconds(60);
// Older larders do not renew their leases: these count for so long after they were written.
inline constexpr std::chrono::nanoseconds k_unrenewed_lease_time = std::chrono::minutes(2);
// A lease that was written so long ago is dead at first sight. The clocks of a machine and of a
// storage differ by less: S3 refuses requests if they do not.
inline constexpr std::chrono::nanoseconds k_surely_dead_after = std::chrono::minutes(15);

enum class LeaseState {
    absent,     // nobody compiles: it may be taken
    ours,       // this machine's
    alive,      // another machine's, which renews it
    unrenewed,  // another machine's, whose older larder does not renew it
};

// The lease of one key, as one machine sees it. Not thread-safe.
class Lease {
public:
    // `holder` is the name of this machine's larder: a lease under that name is of a process that
    // has ended, as the compile lock of the key is held. `clock` must outlive it.
    Lease(const format::Key& key, std::string holder, os::Clock& clock)
        : key_(key), holder_(std::move(holder)), clock_(clock) {}

    // Writes nothing. Remembers what it saw: call it again to notice that a lease is not renewed.
    [[nodiscard]] Result<LeaseState> look(remote::Tier& tier);
    // Takes the lease if it is absent, which it is not afterwards.
    [[nodiscard]] Result<LeaseState> take(remote::Tier& tier);
    // To be called each k_renew_period by the holder. Any state but `ours`: it is lost.
    [[nodiscard]] Result<LeaseState> renew(remote::Tier& tier);
    // How long another machine has been compiling, by the number of its renewals; 0 before the
    // first.
    [[nodiscard]] std::chrono::nanoseconds compiles_for() const { return compiles_for_; }
    // Lets another machine take it at once. Errors are of no account: leases die.
    void release(remote::Tier& tier);

private:
    struct Seen {
        std::string text;
        std::chrono::nanoseconds since{0};
        bool is_superseded = false;  // another machine has taken the next number
    };
    struct Content;

    [[nodiscard]] std::string text() const;
    [[nodiscard]] bool is_dead(remote::Tier& tier, unsigned generation,
                               const remote::StoredText& there, const Content& content);

    format::Key key_;
    std::string holder_;
    os::Clock& clock_;
    std::map<unsigned, Seen> seen_;  // by generation
    unsigned free_ = 0;              // the generation to take; 0: none is left
    unsigned held_ = 0;              // the generation that is ours; 0: none
    std::uint64_t renewals_ = 0;
    std::chrono::nanoseconds compiles_for_{0};
};

// How long a machine pauses before it looks again, when another one has been compiling for so long:
// a sixth of that, so that many machines do not exceed what a storage serves, however late each of
// them came. `random` spreads them.
[[nodiscard]] std::chrono::nanoseconds pause_before_look(std::chrono::nanoseconds compiles_for,
                                                         std::uint64_t random);

// Removes the leases of a key whose entry is there now. Errors are of no account: leases die.
void drop_leases(remote::Tier& tier, const format::Key& key);

// Removes the leases of all keys that are older than a day. Returns how many; none if the storage
// lists nothing.
[[nodiscard]] std::uint64_t prune_leases(remote::Tier& tier, std::chrono::nanoseconds now);

// Lets several threads write the same name at once, each with a tier of its own. True if exactly
// one of them did: leases work. `number` is a new one for each call.
[[nodiscard]] Result<bool> honours_conditions(
    const std::function<Result<std::unique_ptr<remote::Tier>>()>& open, std::uint64_t number);

}  // namespace larder::internal::exchange
