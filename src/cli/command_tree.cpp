#include "cli/command_tree.h"

#include <algorithm>
#include <array>
#include <utility>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/text.h"

namespace larder::cli {
namespace {

// Finds the choices in a summary that lists all values: "table or json", "on, read-only or off".
std::vector<std::string> choices_in(std::string_view summary) {
    const auto end = summary.rfind(" or ");
    if (end == std::string_view::npos) return {};
    auto words = split(summary.substr(0, end), ',');
    words.emplace_back(summary.substr(end + 4));
    for (auto& word : words) word = trimmed(word);
    const bool are_words = std::ranges::all_of(words, [](const std::string& word) {
        return !word.empty() && word.find_first_of(" .:;()") == std::string::npos;
    });
    return are_words ? words : std::vector<std::string>{};
}

OptionNote note_of(const CLI::Option& option) {
    OptionNote note;
    for (const auto& name : option.get_snames()) note.names.push_back("-" + name);
    for (const auto& name : option.get_lnames()) note.names.push_back("--" + name);
    note.summary = option.get_description();
    note.repeats = option.get_expected_max() > 1;
    if (note.names.empty()) {
        note.value = option.get_name(true);
    } else if (option.get_items_expected_max() > 0) {
        // The values that a check accepts come after a colon: "FORMAT:{table,json}".
        const auto type = option.get_type_name();
        note.value = type.substr(0, type.find(":{"));
        note.choices = choices_in(note.summary);
    }
    return note;
}

// Returns the usage line of `--help`.
std::string usage_of(const CLI::App& app, const std::string& parent) {
    constexpr std::string_view k_label = "Usage: ";
    for (const auto& line : split(app.help(parent), '\n')) {
        if (line.starts_with(k_label)) return std::string(trimmed(line.substr(k_label.size())));
    }
    return app.get_name();
}

CommandNote describe_in(const CLI::App& app, const std::string& parent) {
    CommandNote note;
    note.name = app.get_name();
    note.usage = usage_of(app, parent);
    note.summary = app.get_description();
    note.footer = trimmed(app.get_footer());
    for (const auto* option : app.get_options({})) {
        if (option->get_group().empty()) continue;
        (option->get_positional() ? note.positionals : note.options).push_back(note_of(*option));
    }
    for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
        if (verb->get_group().empty()) continue;
        note.verbs.push_back(describe_in(*verb, note.name));
    }
    return note;
}

}  // namespace

CommandNote describe(const CLI::App& app) { return describe_in(app, {}); }

std::string document(const CLI::App& app, std::string_view name) {
    using Writer = std::string (*)(const CommandNote&);
    static constexpr std::array<std::pair<std::string_view, Writer>, 4> k_documents{
        {{"man", man_page},
         {"bash", bash_completion},
         {"zsh", zsh_completion},
         {"fish", fish_completion}}};
    for (const auto& [known, write] : k_documents) {
        if (name == known) return write(describe(app));
    }
    throw_usage("there is no document '" + std::string(name) + "'",
                "the documents are man, bash, zsh and fish");
}

}  // namespace larder::cli
