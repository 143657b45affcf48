// The program: which verbs there are, and what all of them share.
#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command_tree.h"
#include "cli/context.h"
#include "cli/failure.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

struct Verb {
    const char* name;
    const char* summary;
    const char* examples;
    Run (*declare)(CLI::App&);
};

constexpr std::array<Verb, 17> k_verbs{{
    {"compile", "Make sure that models are kept for a device, and load them",
     "  larder compile model.xml\n"
     "  larder compile *.onnx --device CPU --property PERFORMANCE_HINT=LATENCY\n"
     "  larder compile model.onnx --shape 'input[1,3,224,224]' --json",
     declare_compile},
    {"run", "Run a program that does not know of larder, and serve it",
     "  larder run -- python server.py --port 8000\n"
     "  larder run --dir /srv/larder --mode read-only -- ./server",
     declare_run},
    {"ls", "List what is kept",
     "  larder ls --sort size:desc --limit 10\n"
     "  larder ls --filter 'size>1GiB' --filter 'age>30d' -q | xargs larder rm --yes",
     declare_ls},
    {"show", "Show one entry with everything that decides its key", "  larder show 3f2a",
     declare_show},
    {"why", "Say why a model would be loaded or compiled now",
     "  larder why model.xml --property PERFORMANCE_HINT=LATENCY", declare_why},
    {"verify", "Read every byte of what is kept, and set aside what is damaged",
     "  larder verify\n"
     "  larder verify 3f2a --json\n"
     "  larder verify --max-rate 100MB\n"
     "Exit code: the sum of 1 damaged, 2 not trusted, 4 unreadable; 0 if all is well.",
     declare_verify},
    {"repair", "Verify, and compile anew what is damaged where its model is still there",
     "  larder repair\n"
     "  larder repair 3f2a --json",
     declare_repair},
    {"rm", "Remove entries by key or by model",
     "  larder rm 3f2a\n"
     "  larder rm old/model.xml --dry-run",
     declare_rm},
    {"prune", "Remove by rule, and whatever no entry uses",
     "  larder prune --stale --dry-run\n"
     "  larder prune --older-than 30d --yes\n"
     "  larder prune --max-size 20GiB --yes",
     declare_prune},
    {"compress", "Keep entries that are rarely used in less room",
     "  larder compress --older-than 30d --dry-run\n"
     "  larder compress 3f2a old/model.xml --yes",
     declare_compress},
    {"decompress", "Keep compressed entries whole again", "  larder decompress 3f2a --yes",
     declare_decompress},
    {"pin", "Protect entries from removal", "  larder pin 3f2a\n  larder pin model.xml",
     declare_pin},
    {"unpin", "Let entries be removed again", "  larder unpin 3f2a", declare_unpin},
    {"stats", "Count how requests ended, and what was saved", "  larder stats --since 7d --json",
     declare_stats},
    {"adopt", "Say what OpenVINO's own cache holds, and clean it",
     "  larder adopt ~/.cache/app/openvino\n"
     "  larder adopt cache --remove-stale --dry-run",
     declare_adopt},
    {"config", "Show every setting and where it comes from",
     "  larder config\n"
     "  LARDER_MODE=read-only larder config --json",
     declare_config},
    {"doctor", "Say what is wrong with this set-up, and how to mend it", "  larder doctor",
     declare_doctor},
}};

void declare_flags(CLI::App& app, Flags& flags) {
    app.add_option("--dir", flags.directory, "The larder")->type_name("DIR");
    app.add_option("--mode", flags.mode, "on, read-only, cache-only, refresh or off")
        ->type_name("MODE");
    app.add_option("--format", flags.format, "table or json")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "json"}));
    app.add_flag("--json", flags.json, "Short for --format json");
    app.add_flag("-q", flags.quiet, "Print keys only");
    app.add_flag("-v", flags.verbose, "Say more");
    app.set_help_flag("-h,--help", "Print this and exit");
}

// The first word that should be a verb and is none, before the parser calls it something else.
void check_verb(const std::vector<std::string>& words) {
    std::vector<std::string> names;
    names.reserve(k_verbs.size());
    for (const auto& verb : k_verbs) names.emplace_back(verb.name);
    if (words.empty()) {
        throw_usage("what to do is missing",
                    "give a verb: " + join(names, ", ") + "; 'larder --help' explains them");
    }
    const auto& word = words.front();
    if (word.starts_with('-') || std::find(names.begin(), names.end(), word) != names.end()) return;
    const auto near = nearest_word(word, names);
    throw_usage("'" + word + "' is not a verb",
                near.empty() ? "the verbs are " + join(names, ", ") : "did you mean " + near + "?");
}

// Takes from `words` what `run` is to run, so that nobody reads it as flags of our own.
std::vector<std::string> take_command(std::vector<std::string>& words) {
    const auto mark = std::find(words.begin(), words.end(), "--");
    if (words.front() != "run" || mark == words.end()) return {};
    const std::vector<std::string> command(mark + 1, words.end());
    words.erase(mark, words.end());
    return command;
}

using SignalHandler = void (*)(int);

// `inherited` is what became of SIGPIPE before this program was started.
int run(std::vector<std::string> words, SignalHandler inherited) {
    check_verb(words);
    CLI::App app("larder: compile each OpenVINO model once, for every process that asks for it",
                 "larder");
    Flags flags;
    flags.command = take_command(words);
    declare_flags(app, flags);
    app.set_version_flag("--version", "larder " LARDER_VERSION);
    app.require_subcommand(1);
    app.get_formatter()->label("SUBCOMMAND", "VERB");
    app.get_formatter()->label("REQUIRED", "");
    app.footer(
        "'larder VERB --help' explains a verb. Exit codes: 0 done, 1 failed, 2 wrong usage.");
    std::vector<std::pair<CLI::App*, Run>> runs;
    for (const auto& verb : k_verbs) {
        auto* sub = app.add_subcommand(verb.name, verb.summary);
        runs.emplace_back(sub, verb.declare(*sub));
        declare_flags(*sub, flags);
        sub->group("Verbs");
        sub->footer("Examples:\n" + std::string(verb.examples));
    }
    // For who builds and packs this: cmake/documents.cmake.
    if (words.size() == 2 && words.front() == "--document") {
        Context::print(document(app, words.back()));
        return k_done;
    }
    try {
        std::reverse(words.begin(), words.end());  // as the parser wants them
        app.parse(std::move(words));
    } catch (const CLI::CallForHelp&) {
        Context::print(app.help());
        return k_done;
    } catch (const CLI::CallForVersion& version) {
        Context::print(std::string(version.what()) + "\n");
        return k_done;
    } catch (const CLI::ParseError& error) {
        const auto used = app.get_subcommands();
        const auto verb = used.empty() ? std::string{} : " " + used.front()->get_name();
        const auto* const hint = verb == " run" ? "what to run comes after '--'; " : "";
        throw_usage(error.what(), hint + ("'larder" + verb + " --help' explains it"));
    }
    const Context context(flags);
    for (const auto& [sub, run] : runs) {
        if (!sub->parsed()) continue;
        // What is run in place of this program gets what this one got.
        if (sub->get_name() == "run") std::signal(SIGPIPE, inherited);
        return run(context);
    }
    return k_usage;
}

}  // namespace
}  // namespace larder::cli

int main(int argc, char** argv) {
    // `larder ls | head -1` ends without a word, also where SIGPIPE was ignored by whoever started.
    auto* const inherited = std::signal(SIGPIPE, SIG_DFL);
    try {
        return larder::cli::run({argv + std::min(argc, 1), argv + argc}, inherited);
    } catch (...) {
        const auto failure = larder::cli::current_failure();
        larder::cli::print_failure(failure);
        return failure.exit_code;
    }
}
