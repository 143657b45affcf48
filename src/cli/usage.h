// How the parser speaks to users: the text of `--help`, and messages about wrong usage.
#pragma once

#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): not ours to name
class App;
class ParseError;
}  // namespace CLI

namespace larder::cli {

// Sets the form of `--help` for `app` and the verbs that are added to it later: usage lines name
// all arguments, and options show their value by name alone, the default in their description.
void set_help_form(CLI::App& app);

// Throws, as wrong usage, what the parser found: it names the word, and the flag that was probably
// meant.
[[noreturn]] void throw_parse_error(const CLI::App& app, const CLI::ParseError& error);

// Returns the message for `value`, which is none of `choices`, as a check of the parser returns it;
// empty if it is one of them.
[[nodiscard]] std::string choice_error(const std::string& value, const char* first,
                                       const char* second);

}  // namespace larder::cli
