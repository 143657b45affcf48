// The way of one machine from a miss to the entry that another machine compiles, or to a lease of
// its own.
#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "base/result.h"
#include "exchange/leases.h"
#include "os/system.h"
#include "remote/tier.h"

namespace larder::internal::exchange {

// To be done by the caller before the next step.
struct LeaseStep {
    enum class Kind {
        look_for_entry,  // it may have come
        pause,           // another machine compiles
        compile,         // the lease is ours: once the entry was looked for again
    };
    Kind kind = Kind::pause;
    LeaseState state = LeaseState::absent;
    std::chrono::nanoseconds pause{0};
};

// Made after the storage had no entry. Not thread-safe.
class LeaseTurn {
public:
    // The services of `system` must outlive it.
    LeaseTurn(Lease lease, const os::System& system)
        : lease_(std::move(lease)), system_(system), began_(system.clock.monotonic()) {}

    // Looks at the lease, or takes it. Errors are those of the storage.
    [[nodiscard]] Result<LeaseStep> next(remote::Tier& tier);
    [[nodiscard]] Lease& lease() { return lease_; }

private:
    [[nodiscard]] LeaseStep after(LeaseState state);
    [[nodiscard]] LeaseStep pause(LeaseState state);

    Lease lease_;
    os::System system_;
    std::chrono::nanoseconds began_;
    unsigned looks_ = 0;
    bool is_prepared_ = false;
    bool is_to_take_ = false;             // the entry was looked for in vain
    std::optional<LeaseState> pauses_{};  // after the entry was looked for
};

}  // namespace larder::internal::exchange
