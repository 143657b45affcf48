// The lease of a key, as long as this machine compiles it.
#pragma once

#include <cstddef>

#include "exchange/leases.h"
#include "exchange_verbs/open_larder.h"
#include "format/key.h"

namespace larder::cli {

// A lease that is ours.
struct HeldLease {
    std::size_t place = 0;  // of its storage among the URLs
    internal::exchange::Lease lease;
};

// Renews the lease while a process of this machine holds the key's compile lock, and then until the
// entry is sent; at most for an hour. Releases it at the end: if the process was killed, or could
// not compile, another machine takes over at once. Notes failures of the storage in the state.
// Throws Error if keys or settings cannot be used.
void keep_lease(OpenLarder& larder, const internal::format::Key& key, HeldLease held);

}  // namespace larder::cli
