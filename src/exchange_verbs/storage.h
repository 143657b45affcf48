// Lists, prunes and examines shared storages.
#pragma once

#include "cli/context.h"
#include "cli/exchanging.h"

namespace larder::cli {

// Each does the work and returns the exit code; throws as a verb does.
[[nodiscard]] int list_storage(const Context& context, const ExchangeFlags& flags);
[[nodiscard]] int prune_storage(const Context& context, const ExchangeFlags& flags);
// Both fill `flags.examined`. The second looks for the key that is the only one of `flags.names`.
[[nodiscard]] int examine_storages(const Context& context, const ExchangeFlags& flags);
[[nodiscard]] int look_for_entry(const Context& context, const ExchangeFlags& flags);

}  // namespace larder::cli
