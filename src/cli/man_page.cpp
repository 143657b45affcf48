#include <algorithm>

#include "cli/command_tree.h"
#include "cli/text.h"
#include "larder/options.hpp"

namespace larder::cli {
namespace {

// Escapes text for roff.
std::string roff(std::string_view text) {
    std::string out;
    bool begins_line = true;
    for (const char c : text) {
        if (begins_line && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\') {
            out += "\\e";
        } else {
            if (c == '-') out += '\\';
            out += c;
        }
        begins_line = c == '\n';
    }
    return out;
}

std::string section(std::string_view title) { return ".SH " + std::string(title) + "\n"; }

// Formats text line by line, without filling.
std::string verbatim(std::string_view text) { return ".PP\n.nf\n" + roff(text) + "\n.fi\n"; }

std::string item(const std::string& head, const std::string& text) {
    return ".TP\n.B " + roff(head) + "\n" + roff(text) + "\n";
}

std::string option_items(const std::vector<OptionNote>& options) {
    std::string text;
    for (const auto& option : options) {
        auto head = join(option.names, ", ");
        if (!option.value.empty()) head += (head.empty() ? "" : " ") + option.value;
        if (option.repeats) head += " ...";
        text += item(head, option.summary);
    }
    return text;
}

// Returns the options that only this verb has.
std::vector<OptionNote> own_options(const CommandNote& verb, const CommandNote& program) {
    std::vector<OptionNote> own;
    for (const auto& option : verb.options) {
        const auto has_names = [&](const OptionNote& other) { return other.names == option.names; };
        if (std::none_of(program.options.begin(), program.options.end(), has_names)) {
            own.push_back(option);
        }
    }
    return own;
}

std::string verb_text(const CommandNote& verb, const CommandNote& program) {
    auto text = ".SS " + roff(verb.usage) + "\n" + roff(verb.summary) + ".\n";
    text += option_items(verb.positionals) + option_items(own_options(verb, program));
    return verb.footer.empty() ? text : text + verbatim(verb.footer);
}

}  // namespace

std::string man_page(const CommandNote& program) {
    const auto colon = program.summary.find(": ");
    auto text = ".TH LARDER 1 \"\" \"larder " LARDER_VERSION "\" \"larder\"\n" + section("NAME") +
                "larder \\- " + roff(program.summary.substr(colon + 2)) + "\n" +
                section("SYNOPSIS") + ".B " + roff(program.usage) + "\n" + section("DESCRIPTION") +
                roff(program.footer) + "\n" + section("OPTIONS") + option_items(program.options) +
                section("VERBS");
    for (const auto& verb : program.verbs) text += verb_text(verb, program);
    text += section("ENVIRONMENT");
    for (const auto& setting : load_settings().list) {
        text += item(setting.variable, setting.meaning);
    }
    return text + section("FILES") +
           item("larder.toml", "in a larder: its settings, such as max_size = \"20GiB\"") +
           item("$XDG_CONFIG_HOME/larder/config.toml", "settings of this user");
}

}  // namespace larder::cli
