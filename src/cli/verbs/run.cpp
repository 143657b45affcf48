// Runs another program so that larder serves it although the program does not know larder.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/openvinos.h"
#include "cli/surroundings.h"
#include "cli/text.h"
#include "cli/trial.h"
#include "cli/verbs.h"
#include "larder/store.hpp"

namespace larder::cli {
namespace {

// The exit codes of shells.
constexpr int k_cannot_run = 126;
constexpr int k_not_found = 127;

constexpr const char* k_preloads = "LD_PRELOAD";
constexpr const char* k_tunables = "GLIBC_TUNABLES";
constexpr std::string_view k_huge_pages = "glibc.malloc.hugetlb";

struct RunOptions {
    bool huge_pages = false;
    bool report = false;
    std::string shown;
};

void set_variable(const std::string& name, const std::string& value) {
    if (setenv(name.c_str(), value.c_str(), 1) == 0) return;
    throw CommandError(
        {"cannot set " + name + " for the program: " + std::generic_category().message(errno), "",
         k_failed});
}

// The preload is there already if one `larder run` starts another, or a program that it started
// sets its own.
bool is_among(const std::string& preloads, const std::string& preload) {
    return (":" + preloads + ":").find(":" + preload + ":") != std::string::npos;
}

// Passes on the settings of the command line, with directories that stay valid if the program
// changes its working directory.
void pass_settings(const Settings& settings) {
    for (const auto& setting : settings.list) {
        if (setting.origin == "command line" || setting.origin == "environment") {
            set_variable(setting.variable, setting.value);
        }
    }
}

// Throws Error if no model of this larder could be loaded. Writes nothing.
void check_larder(Options options) {
    if (options.mode == Mode::off) return;
    options.mode = Mode::read_only;
    static_cast<void>(Store(options));
}

// Returns a path of the preload that the loader can parse.
std::string preload_for_loader(const Options& options) {
    auto preload = preload_library();
    if (preload.empty()) {
        throw Error(ErrorCode::not_found, "liblarder_preload.so is not beside larder's libraries",
                    "reinstall larder");
    }
    if (preload.find_first_of(" :") == std::string::npos) return preload;
    std::string why = "no directory for a link to it could be created";
    auto plain = plain_path_of(preload, {options.state_directory / "preload"}, why);
    if (plain.empty()) {
        throw Error(ErrorCode::unsupported,
                    "the dynamic loader takes blanks and colons as the end of a path: '" + preload +
                        "', and " + why,
                    "install larder in a directory without them");
    }
    return plain;
}

void pass_preload(const std::string& preload) {
    const auto others = variable(k_preloads);
    if (is_among(others, preload)) return;
    set_variable(k_preloads, others.empty() ? preload : preload + ":" + others);
}

// After any fault of larder the program is started as if larder were not there, and the preload is
// removed so that nothing in the program repeats the warning.
void start_without(const Error& error) {
    auto others = ":" + variable(k_preloads) + ":";
    const auto own = ":" + preload_library() + ":";
    if (const auto found = others.find(own); found != std::string::npos) {
        others.erase(found, own.size() - 1);
        set_variable(k_preloads, others.size() < 2 ? "" : others.substr(1, others.size() - 2));
    }
    if (variable("LARDER_LOG") == "error") return;
    auto text = "models are compiled without larder: " + std::string(error.what());
    if (!error.remedy().empty()) text += "; " + error.remedy();
    std::fputs(("larder: warning: " + printable(text) + "\n").c_str(), stderr);
}

// Returns the environment that a program in its folder "bin" belongs to; empty if that is not
// known.
std::filesystem::path environment_of(const std::string& command) {
    const std::filesystem::path path(command);
    if (path.has_parent_path()) return cli::absolute(path).parent_path().parent_path();
    for (const auto& folder : split(variable("PATH"), ':')) {
        if (!folder.empty() && !is_gone(std::filesystem::path(folder) / path)) {
            return std::filesystem::path(folder).parent_path();
        }
    }
    return {};
}

// Tries each OpenVINO that the program may have, and that is newer than every hook.
void pass_verdicts(const Options& options, const std::string& command) {
    std::string lines;
    for (const auto& openvino : openvinos(environment_of(command))) {
        lines += verdict_line(openvino, options);
    }
    if (!lines.empty()) set_variable(k_tried_variable, lines);
}

void serve(const Context& context) {
    try {
        const auto settings = context.settings_for_another();
        check_larder(settings.options);
        const auto preload = preload_for_loader(settings.options);
        pass_settings(settings);
        if (settings.options.mode != Mode::off) {
            pass_verdicts(settings.options, context.command().front());
        }
        pass_preload(preload);
    } catch (const Error& error) {
        start_without(error);
    }
}

// Tells whether `tunables` ("a.b.c=1:d.e.f=2") already sets the value that larder would set.
bool sets_huge_pages(std::string_view tunables) {
    while (!tunables.empty()) {
        const auto end = tunables.find(':');
        const auto item = tunables.substr(0, end);
        if (item.substr(0, item.find('=')) == k_huge_pages) return true;
        tunables.remove_prefix(end == std::string_view::npos ? tunables.size() : end + 1);
    }
    return false;
}

// The C library reads this only before a program starts. Only on request: a load asks for huge
// pages by itself, block by block if they are fast; and on a guest whose host reclaims free memory,
// this setting makes all allocations of a program slower.
void pass_huge_pages() {
    if (transparent_huge_pages() != "madvise") return;
    auto tunables = variable(k_tunables);
    if (sets_huge_pages(tunables)) return;
    if (!tunables.empty()) tunables += ':';
    set_variable(k_tunables, tunables + std::string(k_huge_pages) + "=1");
}

// The program that replaces this one has the same process id.
void pass_report() {
    set_variable("LARDER_REPORT", "on");
    set_variable("LARDER_REPORT_PROCESS", std::to_string(process_id()));
}

// This variable is for this program alone: python/larder sets it if there is no /proc.
void drop_origin() {
    constexpr const char* k_origin = "LD_ORIGIN_PATH";
    if (variable(k_origin) == absolute(library_beside("../bin")).string()) unsetenv(k_origin);
}

int run_program(const Context& context, const RunOptions& options) {
    const auto& command = context.command();
    if (command.empty()) {
        throw_usage("the command to run is missing", "larder run [OPTIONS] COMMAND [ARG]...");
    }
    serve(context);
    drop_origin();
    if (options.huge_pages) pass_huge_pages();
    if (options.report) pass_report();
    const int error = replace_by(command);
    const bool missing = error == ENOENT;
    throw CommandError(
        {"cannot run '" + command.front() + "': " + std::generic_category().message(error),
         missing ? "give a program that is in PATH, or its path" : "check that it is a program",
         missing ? k_not_found : k_cannot_run});
}

}  // namespace

Run declare_run(CLI::App& verb) {
    auto options = std::make_shared<RunOptions>();
    // Declared only for the help: the words are removed before anything here could parse them as
    // flags.
    verb.add_option("COMMAND", options->shown, "The command to run, with its arguments")
        ->type_name("[ARG]...");
    verb.add_flag("--huge-pages", options->huge_pages,
                  "Let the program's memory allocator request huge pages for all memory");
    verb.add_flag("--report", options->report,
                  "Print a summary of the program's models when it returns or calls exit; "
                  "'larder stats' counts them in any case");
    return [options](const Context& context) { return run_program(context, *options); };
}

}  // namespace larder::cli
