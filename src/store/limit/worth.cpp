#include "store/limit/worth.h"

#include <algorithm>

namespace larder::internal::store {
namespace {

// Most models that were requested once are never requested again: a new shape, a trial, one of a
// directory that a script processes. Tuned by simulation, see docs/eviction.md.
constexpr double k_second_request = 0.3;
constexpr double k_second_request_after_ns = 600e9;
// After this many intervals without a request another one gets less and less likely: the model was
// replaced, or its user is gone.
constexpr double k_intervals_quiet = 5;
constexpr double k_shortest_ns = 1e6;
constexpr double k_hour_ns = 3600e9;
// Entries that compiled in no time still differ by use and size.
constexpr double k_compile_ms_min = 1;

// With this many entries an eviction frees a twentieth of the limit; with fewer, less.
constexpr std::uint64_t k_many_entries = 10'000;
constexpr std::uint64_t k_slack_part = 20;

}  // namespace

double worth_of(std::uint64_t compile_ms, const RequestHistory& history, std::int64_t now_ns) {
    const auto saved = std::max(static_cast<double>(compile_ms), k_compile_ms_min);
    const auto idle = std::max(static_cast<double>(now_ns - history.last_ns), 0.0);
    if (history.interval_ns == 0) {
        return saved * k_second_request * k_hour_ns / (idle + k_second_request_after_ns);
    }
    // A model without a request for longer than usual is now requested less often.
    const auto interval = std::max(static_cast<double>(history.interval_ns), k_shortest_ns);
    const auto expected = std::max(interval, idle);
    return saved * k_hour_ns / expected * std::min(1.0, k_intervals_quiet * interval / expected);
}

std::uint64_t slack_of(std::uint64_t limit_bytes, std::uint64_t entries) {
    const auto many = static_cast<double>(std::min(entries, k_many_entries));
    const auto slack = static_cast<double>(limit_bytes) / k_slack_part * many /
                       static_cast<double>(k_many_entries);
    // Less than an entry counts as none, because it would take a whole entry.
    if (slack * many < static_cast<double>(limit_bytes)) return 0;
    return static_cast<std::uint64_t>(slack);
}

}  // namespace larder::internal::store
