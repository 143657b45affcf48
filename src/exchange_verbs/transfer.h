// The work of "larder --transfer", for processes that larder serves.
#pragma once

#include "cli/context.h"
#include "cli/exchanging.h"

namespace larder::cli {

// Each does the work and returns the exit code; throws as a verb does.
[[nodiscard]] int fetch_for_host(const Context& context, const ExchangeFlags& flags);
[[nodiscard]] int send_for_host(const Context& context);

}  // namespace larder::cli
