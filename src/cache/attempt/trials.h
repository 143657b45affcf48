// Trials of a request: they tell the next process of a crash in this one.
#pragma once

#include <memory>

#include "base/digest.h"
#include "cache/attempt/attempt.h"
#include "cache/entries/blame.h"
#include "cache/session/trial_watch.h"

namespace larder::internal::cache {

// Tells whether the model crashes the same way when it is compiled: then no blob is to blame.
[[nodiscard]] bool is_refuted(Attempt& attempt, const Blame& blame);

// Starts a trial of the first use of an object. Null if there is none: less protection, and no
// other harm.
[[nodiscard]] std::shared_ptr<OpenTrial> begin_trial(Attempt& attempt, const Digest& object);
// Starts a trial of compiling in place of a blamed blob, which decides is_refuted. Null if no blob
// is blamed.
[[nodiscard]] std::shared_ptr<OpenTrial> begin_control(Attempt& attempt);
// To be called once the object is loaded, or the model compiled: the session ends the trial if the
// process survives. Does nothing for null.
void watch(Session& session, const std::shared_ptr<OpenTrial>& trial);

}  // namespace larder::internal::cache
