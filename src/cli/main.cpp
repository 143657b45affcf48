// The program: its verbs, and their common parts.
#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command_tree.h"
#include "cli/context.h"
#include "cli/failure.h"
#include "cli/other_program.h"
#include "cli/text.h"
#include "cli/trial.h"
#include "cli/usage.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

struct Verb {
    const char* name;
    const char* summary;
    const char* examples;
    Run (*declare)(CLI::App&);
    const char* heeds;  // those of the common flags that change what the verb does
};

// Tells whether another program may do what the verb does. A server only asks it.
bool can_be_others(const Verb& verb) {
    return std::string_view(verb.heeds).starts_with("--openvino") &&
           std::string_view(verb.name) != "serve";
}

constexpr const char* k_prints_of_openvino = "--openvino --format --json -q";
constexpr const char* k_prints = "--format --json -q";
constexpr const char* k_prints_json = "--format --json";

constexpr std::array<Verb, 24> k_verbs{{
    {"compile", "Make sure that compiled models are stored for a device, and load them",
     "  larder compile model.xml\n"
     "  larder compile *.onnx --device CPU --property PERFORMANCE_HINT=LATENCY\n"
     "  larder compile model.onnx --shape 'input[1,3,224,224]' --json\n"
     "Exit code: 3 if a model was compiled but could not be stored.",
     declare_compile, "--openvino --mode --format --json -q -v"},
    {"run", "Run an unmodified program with larder",
     "  larder run python server.py --port 8000\n"
     "  larder run --report ./server\n"
     "  larder run --dir /srv/larder --mode read-only -- ./server",
     declare_run, "--mode --openvino -v"},
    {"ls", "List the entries",
     "  larder ls --sort size:desc --limit 10\n"
     "  larder ls --filter 'size>1GiB' --filter 'age>30d' -q | xargs larder rm --yes",
     declare_ls, "--openvino --format --json -q -v"},
    {"show", "Show entries with all inputs of their keys",
     "  larder show 3f2a\n"
     "  larder show model.xml",
     declare_show, k_prints_of_openvino},
    {"why", "Explain whether a model would be loaded or compiled now",
     "  larder why model.xml --property PERFORMANCE_HINT=LATENCY", declare_why,
     "--openvino --mode --format --json -q -v"},
    {"verify", "Read and verify every stored byte, and set damaged files aside",
     "  larder verify\n"
     "  larder verify 3f2a --json\n"
     "  larder verify --max-rate 100MB\n"
     "Exit code: the sum of 1 damaged, 2 not trusted, 4 unreadable; 0 if all is well.",
     declare_verify, k_prints},
    {"repair", "Verify all entries, and compile damaged ones again if their models still exist",
     "  larder repair\n"
     "  larder repair 3f2a --json",
     declare_repair, k_prints_of_openvino},
    {"rm", "Remove entries by key or by model",
     "  larder rm 3f2a\n"
     "  larder rm old/model.xml --dry-run",
     declare_rm, k_prints},
    {"prune", "Remove entries by rule, and objects that no entry uses",
     "  larder prune --stale --dry-run\n"
     "  larder prune --quarantine --yes\n"
     "  larder prune --older-than 30d --yes\n"
     "  larder prune --max-size 20GiB --yes",
     declare_prune, k_prints_of_openvino},
    {"clear", "Remove every entry that is not pinned, and the files that were set aside",
     "  larder clear --dry-run\n"
     "  larder clear --yes",
     declare_clear, k_prints},
    {"compress", "Compress entries that are rarely used",
     "  larder compress --older-than 30d --dry-run\n"
     "  larder compress 3f2a old/model.xml --yes",
     declare_compress, k_prints},
    {"decompress", "Decompress entries", "  larder decompress 3f2a --yes", declare_decompress,
     k_prints},
    {"pin", "Protect entries from removal", "  larder pin 3f2a\n  larder pin model.xml",
     declare_pin, k_prints},
    {"unpin", "Undo pin: let entries be removed again", "  larder unpin 3f2a", declare_unpin,
     k_prints},
    {"push", "Copy entries into a storage that machines share",
     "  larder push file:///mnt/models --sign larder.key\n"
     "  larder push s3://models/team --sign larder.key\n"
     "  larder push file:///mnt/models model.xml --sign larder.key --dry-run",
     declare_push, k_prints},
    {"pull", "Copy entries from a storage that machines share",
     "  larder pull file:///mnt/models --trust larder.key.pub\n"
     "  larder pull https://models.example.com/team --trust larder.key.pub\n"
     "  larder pull 'file:///media/usb?unsigned' 3f2a",
     declare_pull, k_prints},
    {"key", "Generate a key that signs shared entries, or print a key's name",
     "  larder key generate larder.key\n"
     "  larder key show larder.key.pub",
     declare_key, k_prints_json},
    {"stats", "Print the outcomes of requests, and the saved time",
     "  larder stats --since 7d --json\n"
     "  larder stats --since 24h --plot\n"
     "  larder stats --zero",
     declare_stats, "--openvino --format --json"},
    {"top", "Show live which processes compile and wait, and which models were served",
     "  larder top\n"
     "  larder top --json",
     declare_top, k_prints},
    {"serve", "Show the larder in a browser, with an API and metrics",
     "  larder serve\n"
     "  larder serve --read-only --port 0\n"
     "  larder serve --address 0.0.0.0 --host larder.example.org --token-file token",
     declare_serve, "--openvino --format --json"},
    {"scan", "List the files of OpenVINO's own cache, and clean it",
     "  larder scan ~/.cache/app/openvino\n"
     "  larder scan cache --remove-stale --dry-run",
     declare_scan, "--openvino --format --json -q -v"},
    {"dir", "Print the directory of the larder", "  du -sh \"$(larder dir)\"", declare_dir,
     k_prints_json},
    {"config", "Show every setting and where it comes from, or change one",
     "  larder config\n"
     "  larder config get max_size\n"
     "  larder config set max_size 20GiB\n"
     "  LARDER_MODE=read-only larder config --json",
     declare_config, "--format --json -q -v"},
    {"doctor", "Find problems of this installation, and say how to solve them", "  larder doctor",
     declare_doctor, "--openvino --format --json -q -v"},
}};

// Every verb accepts all of them; its help shows only those that it uses.
void declare_flags(CLI::App& app, Flags& flags, const std::string& heeds) {
    const auto heeded = split("--dir " + heeds, ' ');
    const auto show = [&](CLI::Option* option, const char* name) {
        if (std::ranges::find(heeded, name) == heeded.end()) option->group("");
    };
    show(app.add_option("--dir", flags.directory,
                        "The directory of the larder; default: LARDER_DIR, then ~/.cache/larder")
             ->type_name("DIR"),
         "--dir");
    show(app.add_option("--mode", flags.mode, "on, read-only, cache-only, refresh or off")
             ->type_name("MODE"),
         "--mode");
    show(app.add_option("--openvino", flags.openvino,
                        "The OpenVINO to use: a libopenvino.so, the folder of a package, or an "
                        "environment of Python")
             ->type_name("PATH"),
         "--openvino");
    show(app.add_option("--format", flags.format, "table or json")
             ->type_name("FORMAT")
             ->check([](const std::string& word) { return choice_error(word, "table", "json"); }),
         "--format");
    show(app.add_flag("--json", flags.json, "Short for --format json"), "--json");
    show(app.add_flag("-q", flags.quiet, "Print keys only"), "-q");
    show(app.add_flag("-v", flags.verbose, "Print more: details, and messages of level info"),
         "-v");
    app.set_help_flag("-h,--help", "Print this and exit");
}

// Returns the verb for a name that other programs use.
std::string verb_for(const std::string& word) {
    static const std::map<std::string, const char*, std::less<>> k_other_names{
        {"list", "ls"},     {"inspect", "show"},    {"info", "show"},   {"remove", "rm"},
        {"delete", "rm"},   {"check", "verify"},    {"fsck", "verify"}, {"gc", "prune"},
        {"clean", "prune"}, {"purge", "clear"},     {"exec", "run"},    {"status", "stats"},
        {"explain", "why"}, {"dashboard", "serve"}, {"web", "serve"},   {"warm", "compile"},
        {"path", "dir"},    {"settings", "config"}, {"watch", "top"}};
    const auto found = k_other_names.find(word);
    return found == k_other_names.end() ? std::string{} : found->second;
}

// Accepts "help", "help VERB" and "version", as other programs do, and the earlier name of a verb.
void read_common_words(std::vector<std::string>& words) {
    if (words.empty()) return;
    if (words.front() == "help") {
        words.erase(words.begin());
        words.resize(std::min<std::size_t>(words.size(), 1));
        const bool is_no_verb = !words.empty() && (words[0] == "help" || words[0] == "version");
        if (is_no_verb) words.clear();
        words.emplace_back("--help");
    } else if (words.front() == "adopt") {
        std::fputs("larder: 'adopt' is called 'scan' now: it takes nothing over\n", stderr);
        words.front() = "scan";
    } else if (words.front() == "version") {
        const bool asks_for_help = words.size() > 1 && (words[1] == "--help" || words[1] == "-h");
        words = {asks_for_help ? "--help" : "--version"};
    }
}

// Reports a first word that should be a verb and is none, before the parser calls it something
// else.
void check_verb(const std::vector<std::string>& words) {
    std::vector<std::string> names;
    names.reserve(k_verbs.size());
    for (const auto& verb : k_verbs) names.emplace_back(verb.name);
    if (words.empty()) {
        throw_usage("a verb is missing",
                    "give a verb: " + join(names, ", ") + "; 'larder --help' explains them");
    }
    const auto& word = words.front();
    if (word.starts_with('-') || std::find(names.begin(), names.end(), word) != names.end()) return;
    auto near = verb_for(word);
    if (near.empty()) near = nearest_word(word, names);
    throw_usage("'" + word + "' is not a verb",
                near.empty() ? "the verbs are " + join(names, ", ") : "did you mean " + near + "?");
}

// Returns where the command begins: after "--", or with the first word that is not a flag.
std::size_t command_begin(const std::vector<std::string>& words) {
    std::size_t i = 1;
    while (i < words.size() && words[i].starts_with('-')) {
        if (words[i] == "--") return i;
        const bool has_value = words[i] == "--dir" || words[i] == "--mode" ||
                               words[i] == "--format" || words[i] == "--openvino";
        i += has_value ? 2 : 1;
    }
    return std::min(i, words.size());
}

// Removes the command of `run` from `words`, so that it is not parsed as flags of larder.
std::vector<std::string> take_command(std::vector<std::string>& words) {
    if (words.front() != "run") return {};
    const auto at = words.begin() + static_cast<std::ptrdiff_t>(command_begin(words));
    std::vector<std::string> command(at, words.end());
    words.erase(at, words.end());
    if (!command.empty() && command.front() == "--") command.erase(command.begin());
    return command;
}

using SignalHandler = void (*)(int);

// `inherited` is the handling of SIGPIPE that this program was started with.
int run(std::vector<std::string> words, SignalHandler inherited) {
    if (!words.empty() && words.front() == "--transfer") return run_transfer(words);
    read_common_words(words);
    check_verb(words);
    if (words.front() == k_trial_word) return make_trial({words.begin() + 1, words.end()});
    // For python/larder: the environment of the process is one of Python.
    if (words.front() == k_verdict_word && words.size() == 2) {
        Context::print(verdict_lines(words.back()));
        return k_done;
    }
    CLI::App app("larder: compile each OpenVINO model once, for every process that asks for it",
                 "larder");
    set_help_form(app);
    Flags flags;
    const auto given = words;
    flags.command = take_command(words);
    declare_flags(app, flags, "--openvino --mode --format --json -q -v");
    app.set_version_flag("-V,--version", "larder " LARDER_VERSION, "Print the version and exit");
    app.require_subcommand(1);
    app.get_formatter()->label("SUBCOMMAND", "VERB");
    app.footer(
        "'larder VERB --help' or 'larder help VERB' explains a verb; 'larder version' prints the "
        "version. Exit codes: 0 done, 1 failed, 2 wrong usage; 3 a model could not be stored, or "
        "no "
        "entry was pulled.");
    std::vector<std::pair<CLI::App*, Run>> runs;
    for (const auto& verb : k_verbs) {
        auto* sub = app.add_subcommand(verb.name, verb.summary);
        runs.emplace_back(sub, verb.declare(*sub));
        declare_flags(*sub, flags, verb.heeds);
        sub->group("Verbs");
        sub->footer("Examples:\n" + std::string(verb.examples));
    }
    // For building and packaging: cmake/documents.cmake.
    if (words.size() == 2 && words.front() == "--document") {
        Context::print(document(app, words.back()));
        return k_done;
    }
    try {
        std::reverse(words.begin(), words.end());  // the order that the parser expects
        app.parse(std::move(words));
    } catch (const CLI::CallForHelp&) {
        Context::print(app.help());
        return k_done;
    } catch (const CLI::CallForVersion& version) {
        Context::print(std::string(version.what()) + "\n");
        return k_done;
    } catch (const CLI::ParseError& error) {
        throw_parse_error(app, error);
    }
    const Context context(flags);
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const auto& [sub, run] = runs[i];
        if (!sub->parsed()) continue;
        if (can_be_others(k_verbs.at(i))) become_other_program(given);
        // A program that replaces this one gets the handling of SIGPIPE that this one got.
        if (sub->get_name() == "run") std::signal(SIGPIPE, inherited);
        return run(context);
    }
    return k_usage;
}

}  // namespace
}  // namespace larder::cli

int main(int argc, char** argv) {
    // `larder ls | head -1` ends without a message, even if SIGPIPE was ignored by the parent
    // process.
    auto* const inherited = std::signal(SIGPIPE, SIG_DFL);
    try {
        return larder::cli::run({argv + std::min(argc, 1), argv + argc}, inherited);
    } catch (...) {
        const auto failure = larder::cli::current_failure();
        larder::cli::print_failure(failure);
        return failure.exit_code;
    }
}
