#include <memory>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/outcomes.h"
#include "cli/quantity.h"
#include "cli/stale.h"
#include "cli/surroundings.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

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

// Of models that were loaded often enough to tell.
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
    if (requests_of(total) == 0) {
        return "no requests are recorded yet\n" + filling_text(stats, unpacked);
    }
    auto text = rate_text(total) + "\nsince " + format_time(stats.since) + ", " +
                format_size(stats.bytes_written) + " written" + evicted_text(stats) + "\n" +
                filling_text(stats, unpacked) + "\n";
    OutcomesTable models(context, "MODEL", total);
    for (const auto& [name, outcomes] : stats.by_model) models.add(name, outcomes);
    models.add("all", total);
    text += models.text() + "\n";
    OutcomesTable devices(context, "DEVICE", total);
    for (const auto& [name, outcomes] : stats.by_device) devices.add(name, outcomes);
    text += devices.text() + no_gain_text(stats);
    text += reasons_text(context, "REASON COMPILED", stats.miss_reasons);
    text += reasons_text(context, "REASON BYPASSED", stats.bypass_reasons);
    text += reasons_text(context, "REASON REFUSED", stats.refusal_reasons);
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

std::string remotes_text(const Context& context, const Stats& stats) {
    auto table = context.table({{"STORAGE"},
                                {"HITS", Align::right},
                                {"MISSES", Align::right},
                                {"FETCHED", Align::right},
                                {"TIME", Align::right},
                                {"SENT", Align::right},
                                {"FAILURES", Align::right}});
    for (const auto& remote : stats.remotes) {
        table.add({{printable(remote.url)},
                   {std::to_string(remote.hits)},
                   {std::to_string(remote.misses)},
                   {format_size(remote.fetched_bytes)},
                   {format_duration(remote.fetch_time)},
                   {std::to_string(remote.sent_entries)},
                   {std::to_string(remote.failures)}});
    }
    return table.empty() ? "" : "\n" + table.text();
}

struct StatsFlags {
    std::string since;
    bool plot = false;
    bool zero = false;
};

// In place of the tables.
std::string plotted(const Context& context, const Store& store, const Stats& stats) {
    auto plot = plot_text(context, store, stats.since, now());
    if (plot.empty()) return "no requests are recorded yet\n";
    return rate_text(stats.total) + "\n\n" + plot;
}

void print_stats(const Context& context, const StatsFlags& flags, const Store& store) {
    const auto from = flags.since.empty() ? TimePoint{} : now() - parse_age(flags.since);
    const auto stats = store.stats(from);
    if (context.format() == Format::keys) return;
    if (context.format() == Format::table && !store.exists()) {
        Context::print("there is no larder in " + printable(store.directory().string()) + " yet\n");
        return;
    }
    if (flags.plot && context.format() == Format::table) {
        Context::print(plotted(context, store, stats));
        return;
    }
    auto entries = store.entries(EntryDetail::summary);
    find_stale(store, entries);
    if (context.format() == Format::json) {
        Context::print(json_line(stats_json(stats, entries, store.compiling())));
    } else {
        Context::print(table_text(context, stats, unpacked_bytes(entries)) +
                       remotes_text(context, stats) + stale_text(context, stale_sums(entries)) +
                       compiling_text(store.compiling()));
    }
}

int run_stats(const Context& context, const StatsFlags& flags) {
    if (flags.zero && !flags.since.empty()) {
        throw_usage("--zero and --since contradict each other: all counts become zero",
                    "give one of them");
    }
    Store store(context.options());
    print_stats(context, flags, store);
    if (!flags.zero) return k_done;
    if (!store.exists()) return k_done;
    store.forget_stats();
    if (context.format() == Format::table) Context::print("\nall counts are zero now\n");
    return k_done;
}

}  // namespace

Run declare_stats(CLI::App& verb) {
    auto flags = std::make_shared<StatsFlags>();
    verb.add_option("--since", flags->since, "Only requests of the last TIME, such as 7d")
        ->type_name("AGE");
    verb.add_flag("-z,--zero", flags->zero,
                  "Set the counts to zero after they are printed; entries and their hits stay");
    verb.add_flag("--plot", flags->plot, "Draw the requests and the saved time over time");
    return [flags](const Context& context) { return run_stats(context, *flags); };
}

}  // namespace larder::cli
