// Another program, served by larder although it does not know of it.
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/surroundings.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

// As shells have it.
constexpr int k_cannot_run = 126;
constexpr int k_not_found = 127;

constexpr const char* k_preloads = "LD_PRELOAD";
constexpr const char* k_tunables = "GLIBC_TUNABLES";
constexpr std::string_view k_huge_pages = "glibc.malloc.hugetlb";

struct RunOptions {
    bool huge_pages = false;
};

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

void set_variable(const std::string& name, const std::string& value) {
    if (setenv(name.c_str(), value.c_str(), 1) == 0) return;
    throw CommandError(
        {"cannot set " + name + " for the program: " + std::generic_category().message(errno), "",
         k_failed});
}

// The settings of the command line, and directories that mean the same wherever the program goes.
void pass_settings(const Context& context) {
    for (const auto& setting : context.settings().list) {
        if (setting.origin == "command line" || setting.origin == "environment") {
            set_variable(setting.variable, setting.value);
        }
    }
}

void pass_preload() {
    const auto preload = preload_library();
    if (preload.empty()) {
        throw CommandError({"liblarder_preload.so is not beside larder's libraries",
                            "install larder anew: 'cmake --install' lays it down", k_failed});
    }
    if (preload.find_first_of(" :") != std::string::npos) {
        throw CommandError(
            {"the loader reads blanks and colons in a path as its end: '" + preload + "'",
             "install larder in a directory without", k_failed});
    }
    const auto others = variable(k_preloads);
    // Where one `larder run` starts another, or a program that it started sets its own.
    if ((":" + others + ":").find(":" + preload + ":") != std::string::npos) return;
    set_variable(k_preloads, others.empty() ? preload : preload + ":" + others);
}

// Whether `tunables` ("a.b.c=1:d.e.f=2") has a value of its own for what larder would set.
bool sets_huge_pages(std::string_view tunables) {
    while (!tunables.empty()) {
        const auto end = tunables.find(':');
        const auto item = tunables.substr(0, end);
        if (item.substr(0, item.find('=')) == k_huge_pages) return true;
        tunables.remove_prefix(end == std::string_view::npos ? tunables.size() : end + 1);
    }
    return false;
}

// Read by the C library before a program starts, and never again. Only on request: a load asks for
// huge pages itself, block by block where they are quick, and on a guest whose host takes free
// memory back this makes all that a program allocates slower.
void pass_huge_pages() {
    if (transparent_huge_pages() != "madvise") return;
    auto tunables = variable(k_tunables);
    if (sets_huge_pages(tunables)) return;
    if (!tunables.empty()) tunables += ':';
    set_variable(k_tunables, tunables + std::string(k_huge_pages) + "=1");
}

int run_program(const Context& context, const RunOptions& options) {
    const auto& command = context.command();
    if (command.empty()) {
        throw_usage("the command to run is missing", "larder run [FLAGS] -- COMMAND [ARGS]");
    }
    pass_settings(context);
    pass_preload();
    if (options.huge_pages) pass_huge_pages();
    const int error = replace_by(command);
    const bool missing = error == ENOENT;
    throw CommandError(
        {"cannot run '" + command.front() + "': " + std::generic_category().message(error),
         missing ? "give a program that is in PATH, or its path" : "see that it is a program",
         missing ? k_not_found : k_cannot_run});
}

}  // namespace

Run declare_run(CLI::App& verb) {
    auto options = std::make_shared<RunOptions>();
    verb.add_flag("--huge-pages", options->huge_pages,
                  "Let the program's memory allocator ask for huge pages everywhere");
    return [options](const Context& context) { return run_program(context, *options); };
}

}  // namespace larder::cli
