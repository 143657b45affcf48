// From a shared storage into a larder.
#pragma once

#include <optional>
#include <span>

#include "base/result.h"
#include "exchange/push.h"
#include "exchange/shared_entries.h"
#include "remote/tier.h"
#include "store/store.h"

namespace larder::internal::exchange {

// Returns the report of pull() on an entry that it does not take; nothing if it takes it.
[[nodiscard]] std::optional<Moved> refused(const SharedEntryInfo& entry);

// Publishes entries that read_shared_entry() has found, and fetches what the larder lacks of them.
// A damaged entry fails, and another one with a refusal is skipped. A failure of one entry affects
// no other entry.
[[nodiscard]] Exchange pull(store::Store& store, remote::Tier& tier,
                            std::span<const SharedEntryInfo> entries, const Progress& progress);

}  // namespace larder::internal::exchange
