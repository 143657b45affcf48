#include "cli/outcomes.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <vector>

#include "cli/quantity.h"

namespace larder::cli {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::int64_t k_rows_max = 24;
constexpr std::uint64_t k_bar_columns = 30;

// Customary spans of time.
constexpr std::array<seconds, 9> k_spans{minutes(1), minutes(5),    minutes(15),
                                         hours(1),   hours(3),      hours(6),
                                         hours(24),  hours(7 * 24), hours(28 * 24)};

// The shortest with few enough rows; of ages of history, a multiple of the longest.
seconds span_of(seconds all) {
    for (const auto span : k_spans) {
        if (all / span < k_rows_max) return span;
    }
    return k_spans.back() * (all / k_spans.back() / k_rows_max + 1);
}

std::string repeated(const char* text, std::uint64_t count) {
    std::string all;
    for (std::uint64_t i = 0; i < count; ++i) all += text;
    return all;
}

std::vector<Column> columns_of(const std::string& title, bool has_refused) {
    std::vector<Column> columns{{title},
                                {"COMPILED", Align::right},
                                {"LOADED", Align::right},
                                {"WAITED", Align::right},
                                {"BYPASSED", Align::right}};
    if (has_refused) columns.push_back({"REFUSED", Align::right});
    columns.push_back({"SAVED", Align::right});
    return columns;
}

// Full blocks for what came from the larder, light ones for what was compiled.
std::string bar(const Stats::Outcomes& total, std::uint64_t most) {
    if (most == 0) return {};
    const auto columns = [&](std::uint64_t count) {
        return (count * k_bar_columns + most - 1) / most;
    };
    const auto hits = columns(total.loaded + total.waited);
    return repeated("█", hits) + repeated("░", columns(requests_of(total)) - hits);
}

// "2026-01-31 12:00".
std::string minute_text(TimePoint time) {
    constexpr std::size_t k_length = 16;
    auto text = format_time(time).substr(0, k_length);
    std::ranges::replace(text, 'T', ' ');
    return text;
}

}  // namespace

std::uint64_t requests_of(const Stats::Outcomes& total) {
    return total.compiled + total.loaded + total.waited + total.bypassed + total.refused;
}

std::string rate_text(const Stats::Outcomes& total) {
    const auto hits = total.loaded + total.waited;
    const auto all = requests_of(total);
    if (all == 0) return "no requests";
    constexpr std::uint64_t k_percent = 100;
    return std::to_string(all) + (all == 1 ? " request: " : " requests: ") + std::to_string(hits) +
           " from the larder (" + std::to_string((hits * k_percent + all / 2) / all) + " %), " +
           (total.saved.count() < 0   ? format_duration(-total.saved) + " lost"
            : total.saved.count() > 0 ? format_duration(total.saved) + " saved"
                                      : "no time saved");
}

OutcomesTable::OutcomesTable(const Context& context, const std::string& title,
                             const Stats::Outcomes& total)
    : has_refused_(total.refused > 0), table_(context.table(columns_of(title, has_refused_))) {}

void OutcomesTable::add(const std::string& name, const Stats::Outcomes& outcomes) {
    std::vector<Cell> row{{name},
                          {std::to_string(outcomes.compiled)},
                          {std::to_string(outcomes.loaded)},
                          {std::to_string(outcomes.waited)},
                          {std::to_string(outcomes.bypassed)}};
    if (has_refused_) row.push_back({std::to_string(outcomes.refused)});
    row.push_back({format_duration(outcomes.saved)});
    table_.add(std::move(row));
}

std::string plot_text(const Context& context, const Store& store, TimePoint since, TimePoint end) {
    const auto span = span_of(std::chrono::floor<seconds>(end - since));
    std::map<TimePoint, Stats::Outcomes> totals;
    std::uint64_t most = 0;
    for (const auto& each : store.history(since, span)) {
        totals[each.begin] = each.total;
        most = std::max(most, requests_of(each.total));
    }
    if (totals.empty()) return {};
    auto table = context.table({{"FROM (UTC)"},
                                {"REQUESTS", Align::right},
                                {"█ FROM THE LARDER  ░ COMPILED", Align::left, k_bar_columns},
                                {"SAVED", Align::right, 0, true}});
    // Spans in which nothing happened are as wide as others.
    for (auto begin = totals.begin()->first; begin <= totals.rbegin()->first; begin += span) {
        const auto found = totals.find(begin);
        const auto total = found == totals.end() ? Stats::Outcomes{} : found->second;
        table.add({{minute_text(begin)},
                   {std::to_string(requests_of(total))},
                   {bar(total, most), Colour::green},
                   {total.saved.count() == 0 ? "" : format_duration(total.saved)}});
    }
    return table.text();
}

}  // namespace larder::cli
