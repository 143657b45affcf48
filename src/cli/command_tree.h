// Describes the program's verbs and options from the parser's own definitions, so that manuals and
// completions never differ from `--help`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>

namespace larder::cli {

struct OptionNote {
    std::vector<std::string> names;  // "-h", "--help"; none for a positional argument
    std::string value;               // "DIR"; empty if there is none
    bool repeats = false;            // more than one value
    std::string summary;
    std::vector<std::string> choices;  // all values, if there are only a few
};

struct CommandNote {
    std::string name;
    std::string usage;  // "larder rm [OPTIONS] KEY|MODEL..."
    std::string summary;
    std::vector<OptionNote> options;
    std::vector<OptionNote> positionals;
    std::string footer;  // examples, exit codes
    std::vector<CommandNote> verbs;
};

[[nodiscard]] CommandNote describe(const CLI::App& app);

// Returns the document "man", "bash", "zsh" or "fish": a page in roff, or a script that the shell
// loads by itself if it is installed. Ends the program if there is no such document.
[[nodiscard]] std::string document(const CLI::App& app, std::string_view name);

// Each returns one document.
[[nodiscard]] std::string man_page(const CommandNote& program);
[[nodiscard]] std::string bash_completion(const CommandNote& program);
[[nodiscard]] std::string zsh_completion(const CommandNote& program);
[[nodiscard]] std::string fish_completion(const CommandNote& program);

}  // namespace larder::cli
