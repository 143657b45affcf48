#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/quantity.h"
#include "cli/runtime.h"
#include "cli/surroundings.h"
#include "cli/targets.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "larder/cache_directory.hpp"

namespace larder::cli {
namespace {

struct ScanFlags {
    std::string directory;
    bool remove_stale = false;
    bool dry_run = false;
    bool yes = false;
};

using Files = std::vector<CachedFile>;

std::uint64_t bytes_of(const Files& files) {
    std::uint64_t sum = 0;
    for (const auto& file : files) sum += file.bytes;
    return sum;
}

std::string count_text(const Files& files) {
    return std::to_string(files.size()) + (files.size() == 1 ? " file" : " files");
}

Json scan_json(const std::string& directory, const Files& files, const ScanFlags& flags,
               std::uint64_t freed_bytes) {
    auto json = json_object();
    json["directory"] = directory;
    json["files"] = Json::array();
    for (const auto& file : files) {
        json["files"].push_back({{"path", file.path.string()},
                                 {"kind", to_string(file.kind)},
                                 {"worth", to_string(file.worth)},
                                 {"reason", text_or_null(file.reason)},
                                 {"detail", text_or_null(file.detail)},
                                 {"openvino", text_or_null(file.version)},
                                 {"bytes", file.bytes}});
    }
    if (flags.remove_stale) {
        json["dry_run"] = flags.dry_run;
        json["freed_bytes"] = freed_bytes;
    }
    return json;
}

// Sums by usability, because there may be many thousands of files.
std::string table_text(const Context& context, const Files& files) {
    struct Sum {
        std::uint64_t files = 0;
        std::uint64_t bytes = 0;
        Colour colour = Colour::none;
        std::string detail;
    };
    std::map<std::vector<std::string>, Sum> sums;
    for (const auto& file : files) {
        auto& sum = sums[{to_string(file.kind), to_string(file.worth), file.reason}];
        ++sum.files;
        sum.bytes += file.bytes;
        sum.colour = file.worth == CachedFile::Worth::stale ? Colour::yellow : Colour::none;
        if (sum.files == 1) sum.detail = file.detail;
        if (sum.detail != file.detail) sum.detail.clear();
    }
    auto table = context.table(
        {{"KIND"}, {"WORTH"}, {"WHY"}, {"FILES", Align::right}, {"SIZE", Align::right}, {""}});
    for (const auto& [names, sum] : sums) {
        table.add({{names[0]},
                   {names[1], sum.colour},
                   {names[2].empty() ? "-" : names[2]},
                   {std::to_string(sum.files)},
                   {format_size(sum.bytes)},
                   {sum.detail, Colour::faint}});
    }
    return table.text();
}

std::string list_text(const Context& context, const Files& files) {
    auto table =
        context.table({{"WORTH"}, {"WHY"}, {"SIZE", Align::right}, {"OPENVINO"}, {"FILE"}});
    for (const auto& file : files) {
        const bool stale = file.worth == CachedFile::Worth::stale;
        table.add({{to_string(file.worth), stale ? Colour::yellow : Colour::none},
                   {file.reason.empty() ? "-" : file.reason},
                   {format_size(file.bytes)},
                   {file.version.empty() ? "-" : file.version},
                   {file.path.string()}});
    }
    return table.text() + "\n";
}

// The question goes to standard error, because standard output may be a pipe.
int run_scan(const Context& context, const ScanFlags& flags) {
    if (!flags.remove_stale && (flags.dry_run || flags.yes)) {
        throw_usage("nothing is removed without --remove-stale", "give it too, or neither");
    }
    const auto machine = runtime().machine();
    const auto directory = absolute(flags.directory).string();
    const auto files = examine_cache_directory(directory, *machine);
    Files stale;
    std::copy_if(files.begin(), files.end(), std::back_inserter(stale),
                 [](const auto& file) { return file.worth == CachedFile::Worth::stale; });
    const bool removes = flags.remove_stale && !flags.dry_run && !stale.empty();
    const auto question =
        "Remove " + count_text(stale) + " and free " + format_size(bytes_of(stale));
    if (removes && !flags.yes && !agrees(question, "scan")) {
        throw CommandError({"nothing was removed", {}, k_failed});
    }
    const auto freed_bytes = removes ? remove_cached(stale) : bytes_of(stale);
    switch (context.format()) {
        case Format::json:
            Context::print(json_line(scan_json(directory, files, flags, freed_bytes)));
            return k_done;
        case Format::keys:
            for (const auto& file : stale) Context::print_key(file.path.string());
            return k_done;
        case Format::table: break;
    }
    auto text = context.verbose() ? list_text(context, files) : std::string{};
    if (!files.empty()) text += table_text(context, files);
    text += count_text(files) + ", " + format_size(bytes_of(files)) + " in " +
            printable(directory) + "\n";
    if (flags.remove_stale) {
        text += (flags.dry_run ? "would remove " : "removed ") + count_text(stale) +
                (flags.dry_run ? ", would free " : ", freed ") + format_size(freed_bytes) + "\n";
    }
    Context::print(text);
    return k_done;
}

}  // namespace

Run declare_scan(CLI::App& verb) {
    auto flags = std::make_shared<ScanFlags>();
    verb.add_option("DIR", flags->directory, "The directory that programs set as CACHE_DIR")
        ->required();
    verb.add_flag("--remove-stale", flags->remove_stale,
                  "Remove files that the OpenVINO here will never load");
    verb.add_flag("-n,--dry-run", flags->dry_run, "Show what would be removed, and remove nothing");
    verb.add_flag("-y,--yes,-f,--force", flags->yes, "Do not ask");
    return [flags](const Context& context) { return run_scan(context, *flags); };
}

}  // namespace larder::cli
