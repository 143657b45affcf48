#include "cli/verification.h"

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/surroundings.h"
#include "cli/targets.h"
#include "larder/units.hpp"

namespace larder::cli {
namespace {

int bit_of(Damage damage) {
    switch (damage) {
        case Damage::damaged: return k_damaged;
        case Damage::untrusted: return k_untrusted;
        case Damage::unreadable: return k_unreadable;
    }
    return k_unreadable;
}

std::string counted(std::uint64_t count, const std::string& one, const std::string& many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

// The path has a column of its own.
std::string without_path(std::string what, const std::string& path) {
    const auto quoted = " '" + path + "'";
    const auto found = path.empty() ? std::string::npos : what.find(quoted);
    if (found != std::string::npos) what.erase(found, quoted.size());
    if (what.ends_with(':')) what.pop_back();
    return what;
}

}  // namespace

void declare_verification(CLI::App& verb, VerificationFlags& flags) {
    verb.add_option("KEY|MODEL", flags.targets,
                    "Only these entries, or those of these models; default: all entries");
    verb.add_option(
            "--max-rate", flags.max_rate,
            "The maximum rate of reading per second, such as 100MB; default: as fast as the disk")
        ->type_name("SIZE");
    verb.add_flag("--from-the-start", flags.from_the_start,
                  "Read everything, also if an earlier check was interrupted");
    declare_progress(verb, flags.progress);
}

std::vector<std::string> keys_to_verify(const Store& store, const VerificationFlags& flags,
                                        int exit_code, const std::vector<EntryInfo>& set_aside) {
    std::vector<std::string> keys;
    std::vector<std::string> kept;
    for (const auto& name : flags.targets) {
        const auto before = keys.size();
        const auto path = absolute(name);
        for (const auto& entry : set_aside) {
            const bool begins_key = !name.empty() && entry.key.starts_with(name);
            if (entry.model == path || begins_key) keys.push_back(entry.key);
        }
        if (keys.size() == before) kept.push_back(name);
    }
    const auto found = find_targets(store, kept, exit_code).keys;
    keys.insert(keys.end(), found.begin(), found.end());
    return keys;
}

VerifyOptions verify_options(const VerificationFlags& flags) {
    VerifyOptions options;
    if (!flags.max_rate.empty()) options.bytes_per_second_max = parse_size(flags.max_rate);
    options.from_the_start = flags.from_the_start;
    return options;
}

std::string summary_text(const Context& context, const VerifyReport& report) {
    auto text = counted(report.entries, "entry", "entries") + ", " +
                counted(report.objects, "object", "objects") + ", " + format_size(report.bytes) +
                " read: ";
    const auto findings = counted(report.findings.size(), "fault", "faults");
    text += report.findings.empty()
                ? context.paint(report.complete ? "all whole" : "no damage so far", Colour::green)
                : context.paint(findings + " found", Colour::red);
    if (report.objects_before != 0) {
        text += "\ncontinued an interrupted check: " +
                counted(report.objects_before, "object was", "objects were") + " whole then";
    }
    if (!report.complete) text += "\ninterrupted: the next check continues from here";
    return text + "\n";
}

std::string findings_text(const Context& context, const VerifyReport& report) {
    auto table = context.table({{"FINDING"}, {"KEY"}, {"FILE"}, {"WHAT"}});
    const auto larder = context.options().directory.string() + "/";
    for (const auto& finding : report.findings) {
        const bool is_inside = finding.path.starts_with(larder);
        table.add({{to_string(finding.damage), Colour::red},
                   {finding.key.empty() ? "-" : finding.key.substr(0, 12)},
                   {is_inside ? finding.path.substr(larder.size()) : finding.path},
                   {without_path(finding.what, finding.path)}});
    }
    return table.empty() ? "" : table.text();
}

int exit_code_of(const VerifyReport& report) {
    int code = 0;
    for (const auto& finding : report.findings) code |= bit_of(finding.damage);
    return code;
}

}  // namespace larder::cli
