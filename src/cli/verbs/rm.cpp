#include <memory>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/surroundings.h"
#include "cli/targets.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

struct RmFlags {
    std::vector<std::string> targets;
    bool dry_run = false;
    bool yes = false;
};

std::string table_text(const Context& context, const RemovalReport& report) {
    auto table = context.table({{"KEY"}, {"DEVICE"}, {"SIZE", Align::right}, {"MODEL"}});
    for (const auto& entry : report.entries) {
        table.add({{entry.key.substr(0, 12)},
                   {entry.device},
                   {format_size(entry.kept_bytes())},
                   {entry.model}});
    }
    return table.text();
}

std::string count_text(const RemovalReport& report) {
    const auto count = report.entries.size();
    return std::to_string(count) + (count == 1 ? " entry" : " entries");
}

void print(const Context& context, const RemovalReport& report, DryRun dry_run, bool listed) {
    switch (context.format()) {
        case Format::json: Context::print(json_line(removal_json(report, dry_run))); return;
        case Format::keys:
            for (const auto& entry : report.entries) Context::print_key(entry.key);
            return;
        case Format::table: break;
    }
    const bool dry = dry_run == DryRun::yes;
    Context::print((listed ? "" : table_text(context, report)) +
                   (dry ? "would remove " : "removed ") + count_text(report) +
                   (dry ? ", would free " : ", freed ") + format_size(report.freed_bytes) + "\n");
}

int run_rm(const Context& context, const RmFlags& flags) {
    Store store(context.options());
    const auto [keys, models] = find_targets(store, flags.targets);
    if (flags.dry_run) {
        print(context, store.remove(keys, DryRun::yes), DryRun::yes, false);
        return k_done;
    }
    bool listed = false;
    if (!flags.yes) {
        const auto plan = store.remove(keys, DryRun::yes);
        const auto question = table_text(context, plan) + "Remove " + count_text(plan) +
                              " and free " + format_size(plan.freed_bytes);
        if (!agrees(question, "rm")) {
            throw CommandError({"nothing was removed", {}, k_failed});
        }
        listed = is_terminal(Stream::out);
    }
    const auto report = store.remove(keys, DryRun::no);
    // Also forgets what this machine remembers of the models.
    for (const auto& model : models) store.remove_model(model);
    print(context, report, DryRun::no, listed);
    return k_done;
}

}  // namespace

Run declare_rm(CLI::App& verb) {
    auto flags = std::make_shared<RmFlags>();
    verb.add_option(
            "KEY|MODEL", flags->targets,
            "A key, the beginning of one, or a model (also a deleted one), which stands for all "
            "its entries")
        ->required();
    verb.add_flag("-n,--dry-run", flags->dry_run, "Show what would be removed, and remove nothing");
    verb.add_flag("-y,--yes,-f,--force", flags->yes, "Do not ask");
    return [flags](const Context& context) { return run_rm(context, *flags); };
}

}  // namespace larder::cli
