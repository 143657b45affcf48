#include "cli/usage.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/text.h"

namespace larder::cli {
namespace {

class HelpForm : public CLI::Formatter {
public:
    // "COMMAND [ARG]..." is the name of one argument, which ends in its own dots.
    [[nodiscard]] std::string make_option_usage(const CLI::Option* option) const override {
        const auto type = option->get_type_name();
        if (type.starts_with('[')) return option->get_name(true) + " " + type;
        return CLI::Formatter::make_option_usage(option);
    }

    [[nodiscard]] std::string make_option_opts(const CLI::Option* option) const override {
        if (option->get_items_expected_max() == 0) return {};
        // "TEXT" is the parser's own word for any value.
        auto type = option->get_type_name();
        if (type == "TEXT" && option->get_positional()) type.clear();
        std::string text = type.empty() ? "" : " " + type;
        if (option->get_expected_max() == CLI::detail::expected_max_vector_size) text += " ...";
        return text;
    }

    [[nodiscard]] std::string make_option_desc(const CLI::Option* option) const override {
        const auto& text = option->get_description();
        const auto initial = option->get_default_str();
        return initial.empty() ? text : text + " (default: " + initial + ")";
    }
};

// The flags that the help of a verb shows.
std::vector<std::string> flags_of(const CLI::App& verb) {
    std::vector<std::string> names;
    for (const auto* option : verb.get_options({})) {
        if (option->get_group().empty()) continue;
        for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
}

// Returns the flag that was probably meant: one that begins like the word, or is spelt alike.
std::string meant_flag(std::string_view word, const std::vector<std::string>& known) {
    constexpr std::size_t k_letters_min = 4;  // a guess for fewer would be any flag
    word = word.substr(0, word.find('='));
    if (word.size() < k_letters_min) return {};
    const auto begins = [&](const std::string& name) { return name.starts_with(word); };
    if (std::ranges::count_if(known, begins) == 1) return *std::ranges::find_if(known, begins);
    return nearest_word(word, known);
}

[[noreturn]] void throw_unexpected(const CLI::App& verb, const std::vector<std::string>& words,
                                   const std::string& command) {
    const auto is_flag = [](const std::string& word) { return word.starts_with('-'); };
    const auto flag = std::ranges::find_if(words, is_flag);
    const auto help = "'" + command + " --help' explains it";
    if (flag == words.end()) {
        throw_usage("'" + command + "' does not take '" + join(words, " ") + "'", help);
    }
    const auto near = meant_flag(*flag, flags_of(verb));
    throw_usage("'" + command + "' has no flag '" + flag->substr(0, flag->find('=')) + "'",
                near.empty() ? help : "did you mean " + near + "?");
}

}  // namespace

void set_help_form(CLI::App& app) { app.formatter(std::make_shared<HelpForm>()); }

void throw_parse_error(const CLI::App& app, const CLI::ParseError& error) {
    const auto used = app.get_subcommands();
    const auto& verb = used.empty() ? app : *used.front();
    const auto command = used.empty() ? app.get_name() : app.get_name() + " " + verb.get_name();
    if (const auto words = app.remaining(true); !words.empty()) {
        throw_unexpected(verb, words, command);
    }
    if (used.empty() && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
        throw_usage("a verb is missing", "'" + command + " --help' lists them");
    }
    std::string what = error.what();
    // "--device: 1 required NAME missing"
    const auto colon = what.find(": 1 required ");
    if (colon != std::string::npos && what.ends_with(" missing")) {
        what = what.substr(0, colon) + " needs a value";
    }
    throw_usage(what, "'" + command + " --help' explains it");
}

std::string choice_error(const std::string& value, const char* first, const char* second) {
    if (value == first || value == second) return {};
    return "'" + value + "' is neither " + first + " nor " + second;
}

}  // namespace larder::cli
