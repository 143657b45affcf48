#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/exchanging.h"
#include "cli/failure.h"
#include "cli/json.h"
#include "cli/quantity.h"
#include "cli/stale.h"
#include "cli/surroundings.h"
#include "cli/targets.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

struct PruneFlags {
    std::string max_size;
    std::string older_than;
    std::string remote;  // a URL; empty: this larder
    bool stale = false;
    bool incompatible = false;
    bool quarantine = false;
    bool dry_run = false;
    bool yes = false;
};

std::string table_text(const Context& context, const PruneReport& report) {
    auto table = context.table({{"KEY"}, {"DEVICE"}, {"SIZE", Align::right}, {"WHY"}, {"MODEL"}});
    for (const auto& entry : report.entries) {
        table.add({{entry.key.substr(0, 12)},
                   {entry.device},
                   {format_size(entry.kept_bytes())},
                   {report.reasons.at(entry.key)},
                   {entry.model}});
    }
    return table.empty() ? "" : table.text();
}

std::string count_text(const PruneReport& report) {
    const auto count = report.entries.size();
    auto text = std::to_string(count) + (count == 1 ? " entry" : " entries");
    if (report.garbage_bytes > 0) {
        text += " and " + format_size(report.garbage_bytes) + " that no entry used";
    }
    if (report.set_aside_files > 0) {
        text += " and " + std::to_string(report.set_aside_files) +
                (report.set_aside_files == 1 ? " file" : " files") + " that had been set aside";
    }
    return text;
}

void print(const Context& context, const PruneReport& report, DryRun dry_run, bool listed) {
    switch (context.format()) {
        case Format::json: Context::print(json_line(prune_json(report, dry_run))); break;
        case Format::keys:
            for (const auto& entry : report.entries) Context::print_key(entry.key);
            break;
        case Format::table: {
            if (report.entries.empty() && report.freed_bytes == 0) {
                Context::print("nothing to remove: " + format_size(report.left_bytes) + " kept\n");
                break;
            }
            const bool dry = dry_run == DryRun::yes;
            Context::print((listed ? "" : table_text(context, report)) +
                           (dry ? "would remove " : "removed ") + count_text(report) +
                           (dry ? ", would free " : ", freed ") + format_size(report.freed_bytes) +
                           (dry ? ", would leave " : ", left ") + format_size(report.left_bytes) +
                           "\n");
            break;
        }
    }
    if (report.held_back.empty()) return;
    std::fputs(("larder: no object was removed: '" + printable(report.held_back) +
                "' cannot be read, and may use any of them\n  'larder verify' says why\n")
                   .c_str(),
               stderr);
}

int run_rules(const Context& context, Store& store, const PruneRules& rules,
              const PruneFlags& flags, const char* verb) {
    if (flags.dry_run) {
        print(context, store.prune(rules, DryRun::yes), DryRun::yes, false);
        return k_done;
    }
    bool listed = false;
    if (!flags.yes) {
        const auto plan = store.prune(rules, DryRun::yes);
        // Does not ask if there is nothing to remove.
        if (!plan.entries.empty() || plan.set_aside_files > 0) {
            const auto question = table_text(context, plan) + "Remove " + count_text(plan) +
                                  " and free " + format_size(plan.freed_bytes);
            if (!agrees(question, verb)) {
                throw CommandError({"nothing was removed", {}, k_failed});
            }
            listed = is_terminal(Stream::out);
        }
    }
    print(context, store.prune(rules, DryRun::no), DryRun::no, listed);
    return k_done;
}

int run_prune(const Context& context, const PruneFlags& flags) {
    PruneRules rules;
    if (!flags.max_size.empty()) {
        rules.max_size_bytes = parse_size(flags.max_size);
        if (*rules.max_size_bytes == 0) {
            throw_usage("--max-size 0 would mean that there is no limit",
                        "to remove everything: larder clear");
        }
    }
    if (!flags.older_than.empty()) rules.older_than = parse_age(flags.older_than);
    rules.quarantine = flags.quarantine;
    Store store(context.options());
    if (flags.stale || flags.incompatible) {
        rules.keys = stale_keys(store, {flags.stale, flags.incompatible});
    }
    return run_rules(context, store, rules, flags, "prune");
}

int run_remote_prune(const Context& context, const PruneFlags& flags) {
    if (!flags.max_size.empty() || flags.stale || flags.incompatible || flags.quarantine ||
        flags.older_than.empty()) {
        throw_usage("a shared storage is pruned by age alone",
                    "larder prune --remote URL --older-than 30d");
    }
    ExchangeFlags exchange;
    exchange.work = ExchangeFlags::Work::prune;
    exchange.url = flags.remote;
    exchange.older_than = flags.older_than;
    exchange.dry_run = flags.dry_run;
    exchange.yes = flags.yes;
    return run_exchange(context, exchange);
}

int run_clear(const Context& context, const PruneFlags& flags) {
    Store store(context.options());
    PruneRules rules;
    rules.quarantine = true;
    for (const auto& entry : store.entries(EntryDetail::summary)) rules.keys[entry.key] = "clear";
    return run_rules(context, store, rules, flags, "clear");
}

void declare_removal(CLI::App& verb, PruneFlags& flags) {
    verb.add_flag("-n,--dry-run", flags.dry_run, "Show what would be removed, and remove nothing");
    verb.add_flag("-y,--yes,-f,--force", flags.yes, "Do not ask");
}

}  // namespace

Run declare_clear(CLI::App& verb) {
    auto flags = std::make_shared<PruneFlags>();
    declare_removal(verb, *flags);
    return [flags](const Context& context) { return run_clear(context, *flags); };
}

Run declare_prune(CLI::App& verb) {
    auto flags = std::make_shared<PruneFlags>();
    verb.add_option("--max-size", flags->max_size,
                    "Remove the least valuable entries until the larder takes no more than this")
        ->type_name("SIZE");
    verb.add_option("--older-than", flags->older_than,
                    "Remove entries that nobody has requested for this long, such as 30d")
        ->type_name("AGE");
    verb.add_flag("--stale", flags->stale,
                  "Remove entries that nobody will request again: the model is gone or changed, or "
                  "the runtime is another one and nobody uses the entry");
    verb.add_flag("--incompatible", flags->incompatible,
                  "Also remove entries that the runtime, driver or device of this machine does not "
                  "load, although another machine may");
    verb.add_flag(
        "--quarantine", flags->quarantine,
        "Remove files that were set aside because they were damaged or crashed a process");
    verb.add_option("--remote", flags->remote,
                    "Prune this shared storage instead, by --older-than: entries that nobody has "
                    "pushed for this long")
        ->type_name("URL");
    declare_removal(verb, *flags);
    return [flags](const Context& context) {
        return flags->remote.empty() ? run_prune(context, *flags)
                                     : run_remote_prune(context, *flags);
    };
}

}  // namespace larder::cli
