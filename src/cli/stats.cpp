#include <memory>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/quantity.h"
#include "cli/stale.h"
#include "cli/surroundings.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

Table outcomes_table(const Context& context, const std::string& title) {
    return context.table({{title},
                          {"COMPILED", Align::right},
                          {"LOADED", Align::right},
                          {"WAITED", Align::right},
                          {"BYPASSED", Align::right},
                          {"SAVED", Align::right}});
}

void add(Table& table, const std::string& name, const Stats::Outcomes& outcomes) {
    table.add({{name},
               {std::to_string(outcomes.compiled)},
               {std::to_string(outcomes.loaded)},
               {std::to_string(outcomes.waited)},
               {std::to_string(outcomes.bypassed)},
               {format_duration(outcomes.saved)}});
}

std::string reasons_text(const Context& context, const std::string& title,
                         const std::map<std::string, std::uint64_t>& reasons) {
    auto table = context.table({{"COUNT", Align::right}, {title}});
    for (const auto& [reason, count] : reasons) {
        table.add({{std::to_string(count)}, {reason.empty() ? "-" : reason}});
    }
    return table.empty() ? "" : "\n" + table.text();
}

// Returns "; 3 entries evicted: 1.20 GB by limit".
std::string evicted_text(const Stats& stats) {
    if (stats.evicted_entries == 0) return {};
    auto text = "; " + std::to_string(stats.evicted_entries) +
                (stats.evicted_entries == 1 ? " entry evicted" : " entries evicted");
    const char* separator = ": ";
    for (const auto& [reason, bytes] : stats.evicted_bytes) {
        text += separator + format_size(bytes) + " by " + reason;
        separator = ", ";
    }
    return text;
}

std::string filling_text(const Stats& stats, std::uint64_t unpacked) {
    auto text = fill_text(stats.total_bytes, stats.max_size_bytes) + " kept";
    if (unpacked > 0) {
        text += ", of it " + format_size(unpacked) + " unpacked, for processes to share";
    }
    if (stats.longest_idle) {
        text += ", oldest unused entry: " + format_age(*stats.longest_idle);
    }
    return text + "\n";
}

// Returns "10 requests: 8 from the larder (80 %), 4.20 s saved".
std::string rate_text(const Stats::Outcomes& total) {
    const auto hits = total.loaded + total.waited;
    const auto all = hits + total.compiled + total.bypassed;
    constexpr std::uint64_t k_percent = 100;
    return std::to_string(all) + (all == 1 ? " request: " : " requests: ") + std::to_string(hits) +
           " from the larder (" + std::to_string((hits * k_percent + all / 2) / all) + " %), " +
           (total.saved.count() > 0 ? format_duration(total.saved) : "no time") + " saved";
}

// Lists models without a gain that were loaded often enough to tell.
std::string no_gain_text(const Stats& stats) {
    constexpr std::uint64_t k_loads_min = 5;
    std::string text;
    for (const auto& [name, outcomes] : stats.by_model) {
        if (outcomes.loaded < k_loads_min || outcomes.saved.count() > 0) continue;
        text += "no time gained: " + printable(name) + " loads no quicker than it compiles\n";
    }
    return text.empty() ? text : "\n" + text;
}

std::string table_text(const Context& context, const Stats& stats, std::uint64_t unpacked) {
    const auto& total = stats.total;
    if (total.compiled + total.loaded + total.waited + total.bypassed == 0) {
        return "no requests are known yet\n" + filling_text(stats, unpacked);
    }
    auto text = rate_text(total) + "\nsince " + format_time(stats.since) + ", " +
                format_size(stats.bytes_written) + " written" + evicted_text(stats) + "\n" +
                filling_text(stats, unpacked) + "\n";
    auto models = outcomes_table(context, "MODEL");
    for (const auto& [name, outcomes] : stats.by_model) add(models, name, outcomes);
    add(models, "all", total);
    text += models.text() + "\n";
    auto devices = outcomes_table(context, "DEVICE");
    for (const auto& [name, outcomes] : stats.by_device) add(devices, name, outcomes);
    text += devices.text() + no_gain_text(stats);
    text += reasons_text(context, "REASON COMPILED", stats.miss_reasons);
    text += reasons_text(context, "REASON BYPASSED", stats.bypass_reasons);
    return text;
}

std::string stale_text(const Context& context, const std::map<std::string, StaleSum>& stale) {
    auto table = context.table({{"STALE"}, {"ENTRIES", Align::right}, {"SIZE", Align::right}});
    for (const auto& [reason, sum] : stale) {
        if (sum.entries == 0) continue;
        table.add(
            {{reason, Colour::yellow}, {std::to_string(sum.entries)}, {format_size(sum.bytes)}});
    }
    return table.empty() ? "" : "\n" + table.text();
}

int run_stats(const Context& context, const std::string& since) {
    const auto from = since.empty() ? TimePoint{} : now() - parse_age(since);
    const Store store(context.options());
    const auto stats = store.stats(from);
    if (context.format() == Format::keys) return k_done;
    auto entries = store.entries(EntryDetail::summary);
    find_stale(store, entries);
    if (context.format() == Format::json) {
        Context::print(json_line(stats_json(stats, entries, store.compiling())));
    } else {
        Context::print(table_text(context, stats, unpacked_bytes(entries)) +
                       stale_text(context, stale_sums(entries)) +
                       compiling_text(store.compiling()));
    }
    return k_done;
}

}  // namespace

Run declare_stats(CLI::App& verb) {
    auto since = std::make_shared<std::string>();
    verb.add_option("--since", *since, "Only requests that are no older than this: 7d")
        ->type_name("AGE");
    return [since](const Context& context) { return run_stats(context, *since); };
}

}  // namespace larder::cli
