#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/surroundings.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

struct RmFlags {
    std::vector<std::string> targets;
    bool dry_run = false;
    bool yes = false;
};

bool could_be_a_key(const std::string& text) {
    return text.size() <= 64 && !text.empty() &&
           text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// What the targets stand for.
struct Chosen {
    std::vector<std::string> keys;
    std::vector<std::string> models;  // by the paths that were given
};

Chosen choose(const Store& store, const std::vector<std::string>& targets) {
    Chosen chosen;
    for (const auto& target : targets) {
        if (could_be_a_key(target)) {
            try {
                chosen.keys.push_back(store.entry(target).key);
                continue;
            } catch (const Error& error) {
                if (error.code() != ErrorCode::not_found) throw;
            }
        }
        const auto found = store.keys_of_model(target);
        if (found.empty()) {
            throw CommandError({"nothing is kept under '" + target + "'",
                                "'larder ls' lists keys and models", k_failed});
        }
        chosen.keys.insert(chosen.keys.end(), found.begin(), found.end());
        chosen.models.push_back(target);
    }
    std::sort(chosen.keys.begin(), chosen.keys.end());
    chosen.keys.erase(std::unique(chosen.keys.begin(), chosen.keys.end()), chosen.keys.end());
    return chosen;
}

std::string table_text(const Context& context, const RemovalReport& report) {
    auto table = context.table({{"KEY"}, {"DEVICE"}, {"SIZE", Align::right}, {"MODEL"}});
    for (const auto& entry : report.entries) {
        table.add(
            {{entry.key.substr(0, 12)}, {entry.device}, {format_size(entry.bytes)}, {entry.model}});
    }
    return table.text();
}

std::string count_text(const RemovalReport& report) {
    const auto count = report.entries.size();
    return std::to_string(count) + (count == 1 ? " entry" : " entries");
}

// The question goes to standard error: standard output may be a pipe.
bool agrees(const Context& context, const RemovalReport& plan) {
    const auto question = table_text(context, plan) + "Remove " + count_text(plan) + " and free " +
                          format_size(plan.freed_bytes) + "? [y/N] ";
    std::fputs(question.c_str(), stderr);
    std::string answer;
    std::getline(std::cin, answer);
    const auto word = trimmed(answer);
    return word == "y" || word == "Y" || word == "yes";
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

int run(const Context& context, const RmFlags& flags) {
    Store store(context.options());
    const auto [keys, models] = choose(store, flags.targets);
    if (flags.dry_run) {
        print(context, store.remove(keys, DryRun::yes), DryRun::yes, false);
        return k_done;
    }
    bool listed = false;
    if (!flags.yes) {
        if (!is_terminal(Stream::in) || !is_terminal(Stream::error)) {
            throw_usage("rm asks before it removes, and there is nobody to ask",
                        "give --yes, or --dry-run to see what would go");
        }
        if (!agrees(context, store.remove(keys, DryRun::yes))) {
            throw CommandError({"nothing was removed", {}, k_failed});
        }
        listed = is_terminal(Stream::out);
    }
    const auto report = store.remove(keys, DryRun::no);
    // What is remembered of them goes too.
    for (const auto& model : models) store.remove_model(model);
    print(context, report, DryRun::no, listed);
    return k_done;
}

}  // namespace

Run declare_rm(CLI::App& verb) {
    auto flags = std::make_shared<RmFlags>();
    verb.add_option(
            "KEY|MODEL", flags->targets,
            "A key or its beginning, or a model, also one that was deleted: then all that was "
            "compiled from it")
        ->required();
    verb.add_flag("--dry-run", flags->dry_run, "Say what would go, and remove nothing");
    verb.add_flag("--yes", flags->yes, "Do not ask");
    return [flags](const Context& context) { return run(context, *flags); };
}

}  // namespace larder::cli
