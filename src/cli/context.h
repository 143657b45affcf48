// What every verb is given: the flags that all of them have, and where to print.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/surroundings.h"
#include "cli/table.h"
#include "larder/options.hpp"

namespace larder::cli {

// As given on the command line.
struct Flags {
    std::string directory;
    std::string mode;
    std::string format;
    bool json = false;
    bool quiet = false;
    bool verbose = false;
    std::vector<std::string> command;  // of another program: what follows "--" after `run`
};

enum class Format {
    table,
    json,
    keys,  // nothing but keys, for pipes
};

class Context {
public:
    // Throws CommandError where the flags contradict each other.
    explicit Context(const Flags& flags);

    [[nodiscard]] Format format() const { return format_; }
    [[nodiscard]] bool verbose() const { return verbose_; }
    [[nodiscard]] Colours colours() const { return colours_; }
    [[nodiscard]] const std::vector<std::string>& command() const { return command_; }

    // Every setting in force. Throws larder::Error (invalid_argument). Warns of files that cannot
    // be read, once.
    [[nodiscard]] Settings settings() const;
    // The same for a program that warns by itself.
    [[nodiscard]] Settings settings_for_another() const { return load_settings(overrides_); }
    [[nodiscard]] Options options() const { return settings().options; }
    // Empty where the command line does not say.
    [[nodiscard]] std::string directory_of_command_line() const;

    // To standard output, at once. Throws CommandError if that fails.
    static void print(std::string_view text);
    // A line of its own; nothing if it is empty.
    static void print_key(std::string_view key);
    // Fits the terminal.
    [[nodiscard]] Table table(std::vector<Column> columns) const {
        return {std::move(columns), colours_, {terminal_columns(Stream::out)}};
    }
    // As wide as what is in it: of digests, and of lines that are printed one by one.
    [[nodiscard]] Table whole_table(std::vector<Column> columns) const {
        return {std::move(columns), colours_};
    }
    [[nodiscard]] std::string paint(const std::string& text, Colour colour) const {
        return painted(text, colour, colours_);
    }

private:
    std::map<std::string, std::string> overrides_;
    std::vector<std::string> command_;
    Format format_ = Format::table;
    bool verbose_ = false;
    mutable bool has_warned_ = false;
    Colours colours_ = Colours::no;
};

}  // namespace larder::cli
