// Every lock between processes, and their order. Private to store/.
//
//   1. compile lock        `locks/ab/<key>`, exclusive: held by the process that compiles this key,
//                          for minutes. To share a model, two more such locks follow, in this
//                          order: the turn to unpack it, and the right to publish its unpacked
//                          blocks.
//   2. gate                `locks/gate`: shared while an entry and its objects get their names,
//                          exclusive while names are removed. Held for a few writes or one scan.
//   3. account (account.h) `account`: while a number in it is changed.
//   4. tmp files, trials,  each held by its owner alone, as a sign of life; never waited for.
//      presences
//
// A process that holds one of these only ever waits for a lock further down.
#pragma once

#include <chrono>
#include <memory>

#include "base/result.h"
#include "os/file_system.h"
#include "store/disk/context.h"

namespace larder::internal::store {

// Held until destroyed, for a short time: a process that does not get it in time gives up, and its
// program compiles.
class Gate {
public:
    // Errc::busy after `timeout`.
    [[nodiscard]] static Result<Gate> enter(Context& context, os::LockMode mode,
                                            std::chrono::nanoseconds timeout);

private:
    explicit Gate(std::unique_ptr<os::File> file) : file_(std::move(file)) {}

    std::unique_ptr<os::File> file_;
};

inline constexpr std::chrono::seconds k_gate_publish_timeout{10};
inline constexpr std::chrono::seconds k_gate_remove_timeout{30};
inline constexpr std::chrono::seconds k_gate_reclaim_timeout{2};
// Quarantining delays a request, and can be left to the next one: it waits no longer than this.
inline constexpr std::chrono::milliseconds k_gate_quarantine_timeout{200};

// Sleeps 1 ms, doubled each time up to 20 ms: a released lock is noticed soon, at little cost.
class Backoff {
public:
    explicit Backoff(os::Clock& clock) : clock_(clock) {}

    // Sleeps no longer than `left`. True if a signal handler ran meanwhile.
    bool sleep(std::chrono::nanoseconds left);

private:
    os::Clock& clock_;
    std::chrono::nanoseconds next_ = std::chrono::milliseconds(1);
};

}  // namespace larder::internal::store
