// Lists and prunes a shared storage.
#pragma once

#include "cli/context.h"
#include "cli/exchanging.h"

namespace larder::cli {

// Each does the work and returns the exit code; throws as a verb does.
[[nodiscard]] int list_storage(const Context& context, const ExchangeFlags& flags);
[[nodiscard]] int prune_storage(const Context& context, const ExchangeFlags& flags);

}  // namespace larder::cli
