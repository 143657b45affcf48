#include <memory>
#include <set>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/quantity.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

// The exit code is a sum of these.
constexpr int k_damaged = 1;
constexpr int k_untrusted = 2;
constexpr int k_unreadable = 4;

int bit_of(Damage damage) {
    switch (damage) {
        case Damage::damaged: return k_damaged;
        case Damage::untrusted: return k_untrusted;
        case Damage::unreadable: return k_unreadable;
    }
    return k_unreadable;
}

void print_table(const Context& context, const VerifyReport& report) {
    auto table = context.table({{"FINDING"}, {"KEY"}, {"FILE"}, {"WHAT"}});
    for (const auto& finding : report.findings) {
        table.add({{to_string(finding.damage), Colour::red},
                   {finding.key.empty() ? "-" : finding.key.substr(0, 12)},
                   {finding.path},
                   {finding.what}});
    }
    std::string text = table.empty() ? "" : table.text();
    text += std::to_string(report.entries) + (report.entries == 1 ? " entry, " : " entries, ") +
            std::to_string(report.objects) + (report.objects == 1 ? " object, " : " objects, ") +
            format_size(report.bytes) + " read: ";
    text +=
        report.findings.empty()
            ? context.paint("all whole", Colour::green)
            : context.paint(std::to_string(report.findings.size()) + " found wanting", Colour::red);
    Context::print(text + "\n");
}

void print_keys(const VerifyReport& report) {
    std::set<std::string> keys;
    for (const auto& finding : report.findings) keys.insert(finding.key);
    for (const auto& key : keys) Context::print_key(key);
}

VerifyReport verify(const Context& context, const std::vector<std::string>& keys) {
    Progress progress;
    Store store(context.options());
    return store.verify(keys, [&](std::uint64_t done, std::uint64_t total) {
        progress.show(done, total);
        return true;
    });
}

int run(const Context& context, const std::vector<std::string>& keys) {
    VerifyReport report;
    try {
        report = verify(context, keys);
    } catch (const Error& error) {
        // 1 and 2 would say something about the contents.
        if (error.code() == ErrorCode::invalid_argument) throw;
        const bool no_such_key = error.code() == ErrorCode::not_found;
        throw CommandError({error.what(), error.remedy(), no_such_key ? k_usage : k_unreadable});
    }
    switch (context.format()) {
        case Format::json: Context::print(json_line(verify_json(report))); break;
        case Format::keys: print_keys(report); break;
        case Format::table: print_table(context, report); break;
    }
    int exit_code = k_done;
    for (const auto& finding : report.findings) exit_code |= bit_of(finding.damage);
    return exit_code;
}

}  // namespace

Run declare_verify(CLI::App& verb) {
    auto keys = std::make_shared<std::vector<std::string>>();
    verb.add_option("KEY", *keys, "Only these entries; without any, all that is kept");
    return [keys](const Context& context) { return run(context, *keys); };
}

}  // namespace larder::cli
