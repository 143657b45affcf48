// The answers of the program that fetches an entry to the process that started it.
#pragma once

namespace larder::internal::cache {

// One byte.
enum class TierAnswer : unsigned {
    nothing = 1,   // no storage has the entry, and nobody else compiles it: compile it
    waited = 2,    // another machine compiles it, and was not ready in time
    failed = 3,    // no storage could be asked
    refused = 4,   // there is an entry, which is not taken; the state has the reason
    unusable = 5,  // larder or its settings cannot be used
    unheard = 6,   // another machine has begun to compile it, and nothing more is known of it
    fetched = 64,  // the entry is in the larder: plus the place of its storage among the URLs
};

}  // namespace larder::internal::cache
