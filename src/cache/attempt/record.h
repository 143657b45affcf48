// Records and reports how a request ended.
#pragma once

#include <cstdint>
#include <string>

#include "cache/attempt/attempt.h"

namespace larder::internal::cache {

// Records it in this machine's state, with the request's times. Drops the blob that was loaded if
// loading it gains nothing. `began_ns` is when the request began, since the epoch. Does nothing if
// no larder was opened. Never fails.
void record(Attempt& attempt, const Served& served, std::int64_t began_ns);

// Records a request that is not compiled, in Mode::cache_only, and marks it as refused. Never
// fails.
void record_refused(Attempt& attempt, const std::string& reason);

// Counts it for the session, and tells the log.
void report(Attempt& attempt, const Served& served);

}  // namespace larder::internal::cache
