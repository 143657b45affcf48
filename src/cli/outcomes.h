// How requests ended, as stats and top show it.
#pragma once

#include <string>

#include "cli/context.h"
#include "cli/quantity.h"
#include "larder/store.hpp"

namespace larder::cli {

// "10 requests: 8 from the larder (80 %), 4.20 s saved"; "no requests" without any.
[[nodiscard]] std::string rate_text(const Stats::Outcomes& total);

// A row for each of what `title` says.
[[nodiscard]] Table outcomes_table(const Context& context, const std::string& title);
void add(Table& table, const std::string& name, const Stats::Outcomes& outcomes);

// The outcomes over time, up to `end`: one row for each of at most two dozen spans of time.
[[nodiscard]] std::string plot_text(const Context& context, const Store& store, TimePoint since,
                                    TimePoint end);

}  // namespace larder::cli
