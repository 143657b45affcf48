// How requests ended, as stats and top show it.
#pragma once

#include <cstdint>
#include <string>

#include "cli/context.h"
#include "cli/quantity.h"
#include "larder/store.hpp"

namespace larder::cli {

// "10 requests: 8 from the larder (80 %), 4.20 s saved"; "no requests" without any.
[[nodiscard]] std::string rate_text(const Stats::Outcomes& total);

// Returns the number of requests.
[[nodiscard]] std::uint64_t requests_of(const Stats::Outcomes& total);

// A table of outcomes by name: by model, or by device. Requests are refused under one mode alone:
// the column is there if any was.
class OutcomesTable {
public:
    OutcomesTable(const Context& context, const std::string& title, const Stats::Outcomes& total);
    void add(const std::string& name, const Stats::Outcomes& outcomes);
    [[nodiscard]] std::string text() { return table_.text(); }

private:
    bool has_refused_;
    Table table_;
};

// The outcomes over time, up to `end`: one row for each of at most two dozen spans of time.
[[nodiscard]] std::string plot_text(const Context& context, const Store& store, TimePoint since,
                                    TimePoint end);

}  // namespace larder::cli
