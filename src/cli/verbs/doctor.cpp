#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/exchanging.h"
#include "cli/failure.h"
#include "cli/findings.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/openvinos.h"
#include "cli/quantity.h"
#include "cli/runtime.h"
#include "cli/surroundings.h"
#include "cli/text.h"
#include "cli/trial.h"
#include "cli/verbs.h"
#include "cli/weights.h"
#include "larder/store.hpp"

namespace larder::cli {
namespace {

using Advice = Store::Advice;
using Severity = Store::Advice::Severity;

struct DoctorFlags {
    bool retry = false;
};

struct Diagnosis {
    std::string directory;  // empty if no setting can be read
    bool has_settings = false;
    Options options;
    bool is_open = false;  // the content of the larder is known
    std::uint64_t total_bytes = 0;
    std::uint64_t max_size_bytes = 0;
    std::string openvino;              // the build of the one in use
    std::vector<OpenVino> openvinos;   // that are here; the first is in use
    std::string openvino_of_programs;  // the release that was served last here; may be empty
    std::map<std::filesystem::path, Verdict> verdicts;
    std::vector<DeviceInfo> devices;
    std::string huge_pages;
    FillTime fill_time;
    std::string preload;
    std::vector<std::string> served_releases;
    Share share = Share::off;
    std::uint64_t unpacked_bytes = 0;
    WeightsSum weights;
    std::string sharing_obstacle;  // empty: there is none
    std::vector<Compiling> compiling;
    std::vector<ExaminedStorage> storages;
    std::vector<Advice> findings;
};

// Returns the release of OpenVINO whose entry a program of this machine used last; empty if none
// did.
std::string last_served_release(const std::vector<EntryInfo>& entries) {
    const EntryInfo* last = nullptr;
    for (const auto& entry : entries) {
        const bool is_used = entry.last_used_at && entry.built_for->contains("runtime.openvino");
        if (is_used && (last == nullptr || *entry.last_used_at > *last->last_used_at))
            last = &entry;
    }
    if (last == nullptr) return {};
    const auto& build = last->built_for->at("runtime.openvino");
    return build.substr(0, build.find('-'));
}

void add_settings(const Settings& settings, Diagnosis& diagnosis) {
    for (const auto& unread : settings.unread) {
        diagnosis.findings.push_back({Severity::warning, "settings", unread, {}});
    }
    for (const auto& misspelt : settings.misspelt) {
        diagnosis.findings.push_back({Severity::warning, "settings", misspelt, {}});
    }
    if (settings.unknown.empty()) return;
    diagnosis.findings.push_back({Severity::info, "settings",
                                  "larder does not know " + join(settings.unknown, ", "),
                                  "'larder config' lists all settings"});
}

// Says that this machine leaves a storage alone for a while.
void add_resting(const Stats& stats, const std::string& url, std::vector<Advice>& findings) {
    for (const auto& remote : stats.remotes) {
        if (remote.url != url || !remote.rests_until || *remote.rests_until <= now()) continue;
        findings.push_back({Severity::warning, "storage",
                            url + " has failed repeatedly, and is not asked until " +
                                format_time(*remote.rests_until) + ": " + remote.last_fault,
                            "models are compiled as without it meanwhile"});
    }
}

void add_storages(const Context& context, const Options& options, const Store& store,
                  Diagnosis& diagnosis) {
    if (!options.remote || options.remote->empty()) return;
    ExchangeFlags flags;
    flags.work = ExchangeFlags::Work::examine;
    flags.examined = &diagnosis.storages;
    try {
        static_cast<void>(run_exchange(context, flags));
    } catch (const std::exception&) {
        const auto failure = current_failure();
        diagnosis.findings.push_back({Severity::error, "storage", failure.what, failure.remedy});
        return;
    }
    const auto stats = store.stats({});
    const bool trusts = options.trusted_keys && !options.trusted_keys->empty();
    for (const auto& storage : diagnosis.storages) {
        add_resting(stats, storage.url, diagnosis.findings);
        if (storage.is_empty) {
            diagnosis.findings.push_back({Severity::info, "storage", storage.fault,
                                          "the first model that is sent makes it"});
        } else if (!storage.fault.empty()) {
            diagnosis.findings.push_back({Severity::warning, "storage", storage.fault,
                                          "models are compiled as without it meanwhile"});
        }
        if (storage.has_conditions == false) {
            diagnosis.findings.push_back(
                {Severity::info,
                 "storage",
                 storage.url + " does not refuse to write what is there already: several machines "
                               "may compile the same model at once, which does no harm",
                 {}});
        }
        const bool takes_unsigned = storage.url.find("unsigned") != std::string::npos;
        if (!trusts && !takes_unsigned) {
            diagnosis.findings.push_back(
                {Severity::warning, "storage",
                 "no entry of " + storage.url + " is taken, because no key is trusted",
                 "set LARDER_TRUSTED_KEYS, or add ?unsigned to the URL"});
        }
    }
}

// Says whether a storage works, and what it is used for.
std::string storage_text(const ExaminedStorage& storage) {
    if (storage.is_empty) return storage.url + ": empty";
    if (!storage.fault.empty()) return storage.url + ": not usable";
    if (storage.is_read_only) return storage.url + ": ready, only read";
    return storage.url + (storage.has_conditions.value_or(false)
                              ? ": ready, one compile for all machines"
                              : ": ready");
}

void add_larder(const Context& context, Diagnosis& diagnosis) {
    Options options;
    try {
        const auto settings = context.settings_for_another();
        add_settings(settings, diagnosis);
        options = settings.options;
    } catch (const Error& error) {
        // The command line may name the larder even if no setting can be read.
        diagnosis.directory = context.directory_of_command_line();
        diagnosis.findings.push_back({Severity::error, "settings", error.what(), error.remedy()});
        return;
    }
    diagnosis.directory = options.directory.string();
    diagnosis.share = options.share.value_or(Share::off);
    diagnosis.has_settings = true;
    diagnosis.options = options;
    try {
        const Store store(options);
        diagnosis.directory = store.directory().string();
        diagnosis.total_bytes = store.total_bytes();
        diagnosis.max_size_bytes = store.max_size_bytes();
        const auto entries = store.entries(EntryDetail::summary);
        diagnosis.unpacked_bytes = unpacked_bytes(entries);
        diagnosis.weights = sum_weights(entries);
        diagnosis.openvino_of_programs = last_served_release(entries);
        for (auto& advice : larder_findings(store, entries)) {
            diagnosis.findings.push_back(std::move(advice));
        }
        diagnosis.compiling = store.compiling();
        diagnosis.is_open = true;
        add_storages(context, options, store, diagnosis);
    } catch (const Error&) {
        const auto failure = current_failure();
        diagnosis.findings.push_back({Severity::error, "directory", failure.what, failure.remedy});
    }
}

// After the one in use was tried, if it is newer than every hook.
void add_verdicts(Diagnosis& diagnosis) {
    for (const auto& openvino : diagnosis.openvinos) {
        diagnosis.verdicts[openvino.library] =
            can_be_tried(openvino) ? known_verdict(openvino, diagnosis.options) : Verdict{};
    }
}

void add_openvino(Diagnosis& diagnosis) {
    try {
        diagnosis.openvinos = openvinos();
        const auto found = runtime().describe();
        diagnosis.openvino = found.openvino;
        diagnosis.devices = found.devices;
        diagnosis.sharing_obstacle = found.sharing_obstacle;
    } catch (const CommandError& error) {
        const auto& [what, remedy, code] = error.failure();
        const bool is_elsewhere =
            diagnosis.openvinos.empty() && !diagnosis.openvino_of_programs.empty();
        diagnosis.findings.push_back(
            is_elsewhere
                ? Advice{Severity::info, "openvino",
                         "programs that larder serves use their own, and there is none here for "
                         "'larder compile' and other verbs that compile",
                         "for those, activate a program's environment, or use --openvino PATH"}
                : Advice{Severity::error, "openvino", what, remedy});
        return;
    } catch (const std::exception& error) {
        diagnosis.findings.push_back(
            {Severity::error, "openvino", useful_lines(error.what()), "reinstall OpenVINO"});
        return;
    }
    if (diagnosis.devices.empty()) {
        diagnosis.findings.push_back({Severity::error, "openvino", "no device can be used",
                                      "install the plugin of a device, and its driver"});
    }
    for (const auto& device : diagnosis.devices) {
        if (!device.error.empty()) {
            diagnosis.findings.push_back({Severity::warning, "device " + device.name, device.error,
                                          "check that its driver is installed"});
        } else if (!device.exports) {
            diagnosis.findings.push_back({Severity::info,
                                          "device " + device.name,
                                          "it cannot export: its models are compiled each time",
                                          {}});
        }
    }
}

void add_preload(Diagnosis& diagnosis) {
    diagnosis.preload = preload_library();
    diagnosis.served_releases = served_releases();
    if (!diagnosis.preload.empty()) return;
    diagnosis.findings.push_back(
        {Severity::warning, "preload",
         "liblarder_preload.so is not beside larder's libraries: 'larder run' cannot work",
         "install larder again: 'cmake --install' installs it"});
}

void add_huge_pages(const Context& context, Diagnosis& diagnosis) {
    diagnosis.huge_pages = transparent_huge_pages();
    const bool is_measured = context.verbose() || context.format() == Format::json;
    if (is_measured && diagnosis.huge_pages == "madvise") {
        diagnosis.fill_time = measure_fill_time();
    }
    if (diagnosis.huge_pages != "never") return;
    diagnosis.findings.push_back(
        {Severity::info, "memory", "transparent huge pages are off: large models load slower",
         "write 'madvise' to /sys/kernel/mm/transparent_hugepage/enabled"});
}

// Says what the setting means for a load. Measured times differ from run to run: only with
// --verbose.
std::string huge_pages_text(const Context& context, const Diagnosis& diagnosis) {
    if (diagnosis.huge_pages == "always") return "all memory has them";
    if (diagnosis.huge_pages == "never") return "switched off";
    if (diagnosis.huge_pages != "madvise") return diagnosis.huge_pages;
    std::string text = "used where they are quicker";
    const auto whole = [](double ms) { return std::to_string(std::lround(ms)); };
    const auto& time = diagnosis.fill_time;
    if (!context.verbose() || time.small_ms_per_gib <= 0) return text;
    return text + "; just now, filling 1 GiB took " + whole(time.huge_ms_per_gib) +
           " ms in huge pages, " + whole(time.small_ms_per_gib) + " ms in small ones";
}

// Describes how workers share memory.
std::string sharing_text(const Diagnosis& diagnosis) {
    std::string text = to_string(diagnosis.share);
    if (diagnosis.share == Share::off) return text;
    if (diagnosis.share == Share::automatic) {
        text += ", once the copies of a model take a quarter of the available memory";
    }
    if (!diagnosis.sharing_obstacle.empty()) {
        return text + ", but not possible here: " + diagnosis.sharing_obstacle;
    }
    return text + "; " + format_size(diagnosis.unpacked_bytes) + " of unpacked weights are kept";
}

// Says whether `larder run` works, and for programs on which releases of OpenVINO.
std::string run_text(const Context& context, const Diagnosis& diagnosis) {
    if (diagnosis.preload.empty()) return "not possible";
    const auto text = "ready for OpenVINO " + releases_text(diagnosis.served_releases);
    return context.verbose() ? text + ": " + diagnosis.preload : text;
}

// Says whether programs with this OpenVINO are served.
std::string serving_text(const OpenVino& openvino, const Verdict& verdict) {
    if (!openvino.adapter.empty()) return "served";
    if (!verdict.exists) return can_be_tried(openvino) ? "newer, not tried yet" : "not served";
    return verdict.refusal.empty() ? "newer, served after a trial" : "newer, refused by a trial";
}

Json openvino_json(const OpenVino& openvino, const Verdict& verdict, bool is_used) {
    const bool was_accepted = verdict.exists && verdict.refusal.empty();
    return {{"library", openvino.library.string()},
            {"version", text_or_null(openvino.version)},
            {"used", is_used},
            {"served", was_accepted || !openvino.adapter.empty()},
            {"serving", serving_text(openvino, verdict)},
            {"refusal", text_or_null(verdict.refusal)}};
}

Json doctor_json(const Diagnosis& diagnosis) {
    auto json = json_object();
    json["version"] = LARDER_VERSION;
    json["directory"] = diagnosis.directory;
    json["total_bytes"] = diagnosis.total_bytes;
    json["max_size_bytes"] = diagnosis.max_size_bytes;
    json["openvino"] = diagnosis.openvino;
    json["openvinos"] = Json::array();
    for (const auto& openvino : diagnosis.openvinos) {
        json["openvinos"].push_back(openvino_json(openvino, diagnosis.verdicts.at(openvino.library),
                                                  &openvino == diagnosis.openvinos.data()));
    }
    json["devices"] = Json::array();
    for (const auto& device : diagnosis.devices) {
        json["devices"].push_back(
            {{"name", device.name},
             {"full_name", device.full_name},
             {"export_import", device.exports},
             {"error", device.error.empty() ? Json(nullptr) : Json(device.error)}});
    }
    json["transparent_huge_pages"] =
        diagnosis.huge_pages.empty() ? Json(nullptr) : Json(diagnosis.huge_pages);
    const auto& time = diagnosis.fill_time;
    json["preload"] = diagnosis.preload.empty() ? Json(nullptr) : Json(diagnosis.preload);
    json["served_releases"] = diagnosis.served_releases;
    json["fill_ms_per_gib"] = time.small_ms_per_gib <= 0
                                  ? Json(nullptr)
                                  : Json{{"small_pages", std::round(time.small_ms_per_gib)},
                                         {"huge_pages", std::round(time.huge_ms_per_gib)}};
    json["sharing"] = {{"setting", to_string(diagnosis.share)},
                       {"unpacked_bytes", diagnosis.unpacked_bytes},
                       {"obstacle", text_or_null(diagnosis.sharing_obstacle)}};
    json["weights"] = {{"referred_bytes", diagnosis.weights.referred_bytes},
                       {"kept", Json::object()}};
    for (const auto& [why, kept] : diagnosis.weights.kept) {
        json["weights"]["kept"][why] = {{"entries", kept.entries}, {"bytes", kept.bytes}};
    }
    json["compiling"] = compiling_json(diagnosis.compiling);
    json["storages"] = Json::array();
    for (const auto& storage : diagnosis.storages) {
        json["storages"].push_back(
            {{"url", storage.url},
             {"fault", text_or_null(storage.fault)},
             {"read_only", storage.is_read_only},
             {"honours_conditions",
              storage.has_conditions ? Json(*storage.has_conditions) : Json(nullptr)}});
    }
    json["findings"] = Json::array();
    for (const auto& finding : diagnosis.findings) {
        json["findings"].push_back(finding_json(finding));
    }
    return json;
}

Colour colour_of(Severity severity) {
    switch (severity) {
        case Severity::info: return Colour::none;
        case Severity::warning: return Colour::yellow;
        case Severity::error: return Colour::red;
    }
    return Colour::none;
}

std::string text_of(const Context& context, const Advice& finding) {
    return context.paint(to_string(finding.severity), colour_of(finding.severity)) + ": " +
           printable(finding.subject + ": " + finding.finding) + "\n";
}

// Returns the problems alone.
std::string warnings_text(const Context& context, const Diagnosis& diagnosis) {
    std::string text;
    for (const auto& finding : diagnosis.findings) {
        if (finding.severity != Severity::info) text += text_of(context, finding);
    }
    return text;
}

std::string filling_text(const Diagnosis& diagnosis) {
    auto text = fill_text(diagnosis.total_bytes, diagnosis.max_size_bytes);
    if (diagnosis.max_size_bytes == 0) return text;
    const auto part =
        static_cast<double>(diagnosis.total_bytes) / static_cast<double>(diagnosis.max_size_bytes);
    return text + ": " + std::to_string(std::lround(100 * part)) + " % full";
}

std::string table_text(const Context& context, const Diagnosis& diagnosis) {
    auto facts = context.table({{}, {.cut = Cut::end}});
    const auto add = [&](const std::string& name, const std::string& value) {
        facts.add({{name, Colour::faint}, {value.empty() ? "unknown" : value}});
    };
    add("larder",
        LARDER_VERSION + (diagnosis.directory.empty() ? "" : " in " + diagnosis.directory));
    if (diagnosis.is_open) add("kept", filling_text(diagnosis));
    if (const auto weights = weights_text(diagnosis.weights); !weights.empty()) {
        add("weights", weights);
    }
    add("OpenVINO", diagnosis.openvinos.empty() && !diagnosis.openvino_of_programs.empty()
                        ? "none here; programs use " + diagnosis.openvino_of_programs
                        : diagnosis.openvino);
    for (const auto& openvino : diagnosis.openvinos) {
        const bool is_used = &openvino == diagnosis.openvinos.data();
        add(is_used ? "in use" : "also here",
            (openvino.version.empty() ? "unknown version" : openvino.version) + ", " +
                serving_text(openvino, diagnosis.verdicts.at(openvino.library)) + ": " +
                openvino.library.string());
    }
    for (const auto& device : diagnosis.devices) {
        const auto* can = device.exports ? "; models can be kept" : "; models cannot be kept";
        add("device",
            device.name + ": " + (device.error.empty() ? device.full_name + can : device.error));
    }
    add("larder run", run_text(context, diagnosis));
    add("huge pages", huge_pages_text(context, diagnosis));
    if (diagnosis.has_settings) add("sharing", sharing_text(diagnosis));
    for (const auto& storage : diagnosis.storages) add("storage", storage_text(storage));
    auto text = facts.text();
    text += compiling_text(diagnosis.compiling);
    for (const auto& finding : diagnosis.findings) {
        text += "\n" + text_of(context, finding);
        if (!finding.remedy.empty()) text += "  " + printable(finding.remedy) + "\n";
    }
    return diagnosis.findings.empty() ? text + "\nno problems found\n" : text;
}

int run_doctor(const Context& context, const DoctorFlags& flags) {
    Diagnosis diagnosis;
    add_larder(context, diagnosis);
    if (flags.retry) forget_verdicts(diagnosis.options);
    add_openvino(diagnosis);
    add_verdicts(diagnosis);
    add_preload(diagnosis);
    add_huge_pages(context, diagnosis);
    switch (context.format()) {
        case Format::json: Context::print(json_line(doctor_json(diagnosis))); break;
        case Format::keys: Context::print(warnings_text(context, diagnosis)); break;
        case Format::table: Context::print(table_text(context, diagnosis)); break;
    }
    const bool wrong =
        std::any_of(diagnosis.findings.begin(), diagnosis.findings.end(),
                    [](const Advice& advice) { return advice.severity == Severity::error; });
    return wrong ? k_failed : k_done;
}

}  // namespace

Run declare_doctor(CLI::App& verb) {
    auto flags = std::make_shared<DoctorFlags>();
    verb.add_flag("--retry", flags->retry,
                  "Forget which newer releases of OpenVINO were tried, and try again");
    return [flags](const Context& context) { return run_doctor(context, *flags); };
}

}  // namespace larder::cli
