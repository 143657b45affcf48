// From a shared storage into a larder.
#pragma once

#include <span>

#include "base/result.h"
#include "exchange/push.h"
#include "exchange/shared_entries.h"
#include "remote/tier.h"
#include "store/store.h"

namespace larder::internal::exchange {

// Publishes entries that read_shared_entry() has found, and fetches what the larder lacks of them.
// An entry that is refused is skipped. What fails for one entry ends neither the work nor the
// others.
[[nodiscard]] Exchange pull(store::Store& store, remote::Tier& tier,
                            std::span<const SharedEntryInfo> entries, const Progress& progress);

}  // namespace larder::internal::exchange
