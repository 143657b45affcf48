// compress and decompress: change how entries are stored.
#include <array>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/interruption.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/quantity.h"
#include "cli/surroundings.h"
#include "cli/targets.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "cli/verification.h"

namespace larder::cli {
namespace {

struct CompressFlags {
    std::vector<std::string> targets;
    std::string older_than;
    bool dry_run = false;
    bool yes = false;
    ProgressForm progress = ProgressForm::bar;
};

// The operation, and the words for it.
struct Deed {
    const char* verb;
    const char* done;
    std::function<CompressReport(Store&, DryRun)> act;
};

std::string count_text(std::size_t count) {
    return std::to_string(count) + (count == 1 ? " entry" : " entries");
}

std::string change_text(const CompressReport& report) {
    return format_size(report.before_bytes) + " to " + (report.estimated ? "about " : "") +
           format_size(report.after_bytes);
}

std::string table_text(const Context& context, const CompressReport& report) {
    auto table = context.table({{"KEY"},
                                {"DEVICE"},
                                {"SIZE", Align::right},
                                {"BEFORE", Align::right},
                                {"AFTER", Align::right},
                                {"MODEL"}});
    for (const auto& [entry, before, after] : report.entries) {
        table.add({{entry.key.substr(0, 12)},
                   {entry.device},
                   {format_size(entry.kept_bytes())},
                   {format_size(before)},
                   {(report.estimated ? "~" : "") + format_size(after)},
                   {entry.model}});
    }
    return table.empty() ? "" : table.text();
}

// Returns "3 entries stay as they are: 2 to which other entries refer, 1 less than a tenth
// smaller".
std::string unchanged_text(const CompressReport& report) {
    struct Words {
        const char* reason;
        const char* text;
    };
    static constexpr std::array<Words, 6> k_words{
        {{"encoding",
          "with weights in the model's own files, or another encoding that is not compressed"},
         {"base", "to which other entries refer"},
         {"shared", "with the bytes of an entry that stays as it is"},
         {"gain", "less than a tenth smaller"},
         {"busy", "which another process is changing"},
         {"failed", "failed"}}};
    std::map<std::string, std::size_t> counts;
    for (const auto& left : report.unchanged) ++counts[left.reason];
    std::vector<std::string> parts;
    for (const auto& [reason, text] : k_words) {
        if (counts.contains(reason)) {
            parts.push_back(std::to_string(counts.at(reason)) + " " + text);
        }
    }
    if (parts.empty()) return "";
    const auto count = report.unchanged.size();
    return count_text(count) + (count == 1 ? " stays as it is: " : " stay as they are: ") +
           join(parts, ", ") + "\n";
}

void print_failures(const CompressReport& report) {
    for (const auto& left : report.unchanged) {
        if (left.reason != "failed") continue;
        print_failure({left.entry.key.substr(0, 12) + " stays as it is: " + left.detail, {}});
    }
    if (report.held_back.empty()) return;
    print_failure({"nothing was done: '" + printable(report.held_back) +
                       "' cannot be read, and may use any object",
                   "'larder verify' says why"});
}

int code_of_compression(const CompressReport& report) {
    if (!report.complete) return k_interrupted;
    const bool failed = std::any_of(report.unchanged.begin(), report.unchanged.end(),
                                    [](const auto& left) { return left.reason == "failed"; });
    return failed || !report.held_back.empty() ? k_failed : k_done;
}

int print(const Context& context, const Deed& deed, const CompressReport& report, DryRun dry_run,
          bool listed) {
    switch (context.format()) {
        case Format::json: Context::print(json_line(compress_json(report, dry_run))); break;
        case Format::keys:
            for (const auto& changed : report.entries) Context::print_key(changed.entry.key);
            break;
        case Format::table: {
            const bool dry = dry_run == DryRun::yes;
            Context::print((listed ? "" : table_text(context, report)) +
                           (dry ? std::string("would ") + deed.verb : deed.done) + " " +
                           count_text(report.entries.size()) + ", " + change_text(report) + "\n" +
                           unchanged_text(report));
            break;
        }
    }
    print_failures(report);
    return code_of_compression(report);
}

int run(const Context& context, const CompressFlags& flags, const Deed& deed, Store& store) {
    if (flags.dry_run) {
        return print(context, deed, deed.act(store, DryRun::yes), DryRun::yes, false);
    }
    bool listed = false;
    if (!flags.yes) {
        const auto plan = deed.act(store, DryRun::yes);
        // Does not ask if there is nothing to do.
        if (plan.entries.empty() || !plan.complete) {
            return print(context, deed, plan, DryRun::yes, false);
        }
        std::string verb = deed.verb;
        verb.front() = static_cast<char>(verb.front() - 'a' + 'A');
        const auto question = table_text(context, plan) + verb + " " +
                              count_text(plan.entries.size()) + ", " + change_text(plan);
        if (!agrees(question, deed.verb)) {
            throw CommandError({"nothing was changed", {}, k_failed});
        }
        listed = is_terminal(Stream::out);
    }
    return print(context, deed, deed.act(store, DryRun::no), DryRun::no, listed);
}

template <class Act>
CompressReport with_progress(ProgressForm form, const Act& act) {
    Progress progress(form);
    const Interruption interruption;
    return act([&](std::uint64_t done, std::uint64_t total) {
        progress.show(done, total);
        return !Interruption::happened();
    });
}

int run_compress(const Context& context, const CompressFlags& flags) {
    if (flags.targets.empty() && flags.older_than.empty()) {
        throw_usage("no entries are named",
                    "name keys or models, or give --older-than 30d; --older-than 0 means all");
    }
    Store store(context.options());
    CompressRules rules;
    if (!flags.targets.empty()) rules.keys = find_targets(store, flags.targets).keys;
    if (!flags.older_than.empty()) rules.older_than = parse_age(flags.older_than);
    const Deed deed{"compress", "compressed", [&](Store& opened, DryRun dry_run) {
                        return with_progress(flags.progress, [&](const auto& tell) {
                            return opened.compress(rules, dry_run, tell);
                        });
                    }};
    return run(context, flags, deed, store);
}

int run_decompress(const Context& context, const CompressFlags& flags) {
    Store store(context.options());
    const auto keys = find_targets(store, flags.targets).keys;
    const Deed deed{"decompress", "decompressed", [&](Store& opened, DryRun dry_run) {
                        return with_progress(flags.progress, [&](const auto& tell) {
                            return opened.decompress(keys, dry_run, tell);
                        });
                    }};
    return run(context, flags, deed, store);
}

CLI::Option* declare_flags(CLI::App& verb, CompressFlags& flags) {
    verb.add_flag("-n,--dry-run", flags.dry_run, "Show what would be done, and change nothing");
    verb.add_flag("-y,--yes,-f,--force", flags.yes, "Do not ask");
    declare_progress(verb, flags.progress);
    return verb.add_option(
        "KEY|MODEL", flags.targets,
        "A key, the beginning of one, or a model, which stands for all its entries");
}

}  // namespace

Run declare_compress(CLI::App& verb) {
    auto flags = std::make_shared<CompressFlags>();
    declare_flags(verb, *flags);
    verb.add_option("--older-than", flags->older_than,
                    "Only entries that nobody has requested for this long, such as 30d")
        ->type_name("AGE");
    return [flags](const Context& context) { return run_compress(context, *flags); };
}

Run declare_decompress(CLI::App& verb) {
    auto flags = std::make_shared<CompressFlags>();
    declare_flags(verb, *flags)->required();
    return [flags](const Context& context) { return run_decompress(context, *flags); };
}

}  // namespace larder::cli
