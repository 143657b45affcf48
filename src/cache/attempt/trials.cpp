#include "cache/attempt/trials.h"

#include <functional>
#include <utility>

namespace larder::internal::cache {

bool is_refuted(Attempt& attempt, const Blame& blame) {
    const auto without = attempt.store->count_crashes(attempt.identified.key.digest);
    return without && blame.is_refuted_by(*without);
}

std::shared_ptr<OpenTrial> begin_trial(Attempt& attempt, const Digest& object) {
    if (attempt.objections.is_innocent) return nullptr;
    auto trial = attempt.store->begin_trial(object);
    if (!trial) return nullptr;
    const std::weak_ptr<store::Store> weak = attempt.store;
    return std::make_shared<OpenTrial>(std::move(*trial), [weak, object] {
        const auto store = weak.lock();
        if (store && !store->is_proven(object)) (void)store->mark_proven(object);
    });
}

std::shared_ptr<OpenTrial> begin_control(Attempt& attempt) {
    if (attempt.objections.blame.crashes == 0) return nullptr;
    auto trial = attempt.store->begin_trial(attempt.identified.key.digest);
    if (!trial) return nullptr;
    return std::make_shared<OpenTrial>(std::move(*trial), std::function<void()>());
}

void watch(Session& session, const std::shared_ptr<OpenTrial>& trial) {
    if (!trial) return;
    trial->note_loaded();
    session.trials().watch(trial);
}

}  // namespace larder::internal::cache
