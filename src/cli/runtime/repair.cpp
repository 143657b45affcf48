#include <algorithm>

#include "cli/failure.h"
#include "cli/interruption.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/runtime/verbs.h"
#include "cli/stage_line.h"
#include "cli/verification.h"
#include "larder/larder.hpp"

namespace larder::cli {
namespace {

const char* to_string(Repair::Outcome outcome) {
    switch (outcome) {
        case Repair::Outcome::recompiled: return "recompiled";
        case Repair::Outcome::removed: return "removed";
    }
    return "";
}

Json repair_json(const RepairReport& report) {
    auto json = verify_json(report.verified);
    json["repairs"] = Json::array();
    for (const auto& repair : report.repairs) {
        json["repairs"].push_back({{"key", repair.key},
                                   {"model", repair.model},
                                   {"device", repair.device},
                                   {"outcome", to_string(repair.outcome)},
                                   {"reason", repair.reason}});
    }
    return json;
}

std::string repairs_text(const Context& context, const RepairReport& report) {
    auto table = context.table({{"KEY"}, {"DEVICE"}, {"REPAIR"}, {"MODEL"}, {"WHY"}});
    for (const auto& repair : report.repairs) {
        const bool again = repair.outcome == Repair::Outcome::recompiled;
        table.add({{repair.key.substr(0, 12)},
                   {repair.device},
                   {to_string(repair.outcome), again ? Colour::green : Colour::yellow},
                   {repair.model},
                   {repair.reason}});
    }
    return table.empty() ? "" : table.text();
}

// Damage has been quarantined or compiled anew; other findings remain.
int exit_code_of(const RepairReport& report) {
    if (!report.verified.complete) return k_interrupted;
    const bool remains = std::ranges::any_of(report.verified.findings, [](const Finding& finding) {
        return finding.damage != Damage::damaged;
    });
    return remains ? k_failed : k_done;
}

// The report describes published entries.
Options publishing_first(Options options) {
    options.publish = Publish::first;
    return options;
}

}  // namespace

Json repair_entries(const Options& options, const std::vector<std::string>& keys,
                    const VerifyProgress& progress) {
    Store store(options);
    Cache cache(publishing_first(options));
    ov::Core core;
    return repair_json(larder::repair(store, cache, core, keys, progress));
}

int repair(const Context& context, const VerificationFlags& flags) {
    const auto options = verify_options(flags);
    Store store(context.options());
    const auto keys = keys_to_verify(store, flags, k_failed, store.entries_set_aside());
    // Shows the entries that are compiled anew.
    StageLine stage(context.verbose() ? StageLine::Lines::per_stage : StageLine::Lines::none);
    auto cache_options = publishing_first(context.options());
    stage.listen(cache_options);
    Cache cache(cache_options);
    ov::Core core;
    RepairReport report;
    {
        Progress progress(flags.progress);
        const Interruption interruption;
        const auto tell = [&](std::uint64_t done, std::uint64_t total) {
            progress.show(done, total);
            if (done == total) progress.clear();
            return !Interruption::happened();
        };
        report = larder::repair(store, cache, core, keys, tell, options);
        stage.clear();
    }
    switch (context.format()) {
        case Format::json: Context::print(json_line(repair_json(report))); break;
        case Format::keys:
            for (const auto& repair : report.repairs) Context::print_key(repair.key);
            break;
        case Format::table:
            Context::print(findings_text(context, report.verified) + repairs_text(context, report) +
                           summary_text(context, report.verified));
            break;
    }
    return exit_code_of(report);
}

}  // namespace larder::cli
