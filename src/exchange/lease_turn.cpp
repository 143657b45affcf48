#include "exchange/lease_turn.h"

#include <algorithm>

namespace larder::internal::exchange {
namespace {

// The lease goes when the entry has come, so that the entry itself is looked for so seldom.
constexpr unsigned k_looks_for_each_entry = 4;

}  // namespace

Result<LeaseStep> LeaseTurn::next(remote::Tier& tier) {
    if (const auto state = std::exchange(pauses_, std::nullopt)) return pause(*state);
    if (!is_to_take_) {
        const auto state = lease_.look(tier);
        if (!state) return fail(state.error());
        const bool is_first = looks_++ == 0;
        if (*state != LeaseState::absent) return after(*state);
        is_to_take_ = true;
        if (!is_first) return LeaseStep{LeaseStep::Kind::look_for_entry, *state, {}};
    }
    is_to_take_ = false;
    // Machines that only wait are spared this request.
    if (!is_prepared_) {
        if (auto ready = tier.prepare(); !ready) return fail(std::move(ready.error()));
        is_prepared_ = true;
    }
    const auto state = lease_.take(tier);
    if (!state) return fail(state.error());
    return after(*state);
}

LeaseStep LeaseTurn::after(LeaseState state) {
    if (state == LeaseState::ours) return {LeaseStep::Kind::compile, state, {}};
    if (looks_ % k_looks_for_each_entry != 0) return pause(state);
    pauses_ = state;
    return {LeaseStep::Kind::look_for_entry, state, {}};
}

LeaseStep LeaseTurn::pause(LeaseState state) {
    const auto waited = system_.clock.monotonic() - began_;
    return {LeaseStep::Kind::pause, state,
            pause_before_look(std::max(waited, lease_.compiles_for()), system_.entropy.next())};
}

}  // namespace larder::internal::exchange
