#include <algorithm>
#include <memory>
#include <set>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/interruption.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "cli/verification.h"

namespace larder::cli {
namespace {

void print_keys(const VerifyReport& report) {
    std::set<std::string> keys;
    for (const auto& finding : report.findings) keys.insert(finding.key);
    for (const auto& key : keys) Context::print_key(key);
}

VerifyReport verify(const Context& context, const VerificationFlags& flags) {
    const auto options = verify_options(flags);
    Store store(context.options());
    if (context.format() == Format::table && !store.exists()) {
        Context::print("there is no larder in " + printable(store.directory().string()) + " yet\n");
    }
    const auto keys = keys_to_verify(store, flags, k_usage);
    Progress progress(flags.progress);
    const Interruption interruption;
    const auto tell = [&](std::uint64_t done, std::uint64_t total) {
        progress.show(done, total);
        return !Interruption::happened();
    };
    return store.verify(keys, tell, options);
}

// Says what happens to damaged entries.
std::string next_text(const VerifyReport& report) {
    const bool aside = std::ranges::any_of(report.findings, [](const Finding& finding) {
        return finding.damage == Damage::damaged && finding.entry;
    });
    return aside ? "damaged files are set aside; the next request compiles the model again, or "
                   "now: larder repair\n"
                 : "";
}

int run_verify(const Context& context, const VerificationFlags& flags) {
    VerifyReport report;
    try {
        report = verify(context, flags);
    } catch (const Error& error) {
        // Exit codes 1 and 2 would describe the contents.
        if (error.code() == ErrorCode::invalid_argument) throw;
        const bool no_such_key = error.code() == ErrorCode::not_found;
        throw CommandError({error.what(), error.remedy(), no_such_key ? k_usage : k_unreadable});
    }
    switch (context.format()) {
        case Format::json: Context::print(json_line(verify_json(report))); break;
        case Format::keys: print_keys(report); break;
        case Format::table:
            Context::print(findings_text(context, report) + summary_text(context, report) +
                           next_text(report));
            break;
    }
    return report.complete ? exit_code_of(report) : k_interrupted;
}

}  // namespace

Run declare_verify(CLI::App& verb) {
    auto flags = std::make_shared<VerificationFlags>();
    declare_verification(verb, *flags);
    return [flags](const Context& context) { return run_verify(context, *flags); };
}

}  // namespace larder::cli
