// The context of every verb: the flags that all verbs have, and the output.
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

// The flags of the command line.
struct Flags {
    std::string directory;
    std::string mode;
    std::string openvino;
    std::string format;
    bool json = false;
    bool quiet = false;
    bool verbose = false;
    std::vector<std::string> command;  // another program's: the words after "--" of `run`
};

enum class Format {
    table,
    json,
    keys,  // only keys, for pipes
};

class Context {
public:
    // Throws CommandError if the flags contradict each other.
    explicit Context(const Flags& flags);

    [[nodiscard]] Format format() const { return format_; }
    [[nodiscard]] bool verbose() const { return verbose_; }
    [[nodiscard]] Colours colours() const { return colours_; }
    [[nodiscard]] const std::vector<std::string>& command() const { return command_; }

    // Returns every setting in force. Throws larder::Error (invalid_argument). Warns once about
    // files that cannot be read.
    [[nodiscard]] Settings settings() const;
    // The same without warnings, for a program that warns by itself.
    [[nodiscard]] Settings settings_for_another() const { return load_settings(overrides_); }
    [[nodiscard]] Options options() const { return settings().options; }
    // Returns an empty string if the command line does not name a directory.
    [[nodiscard]] std::string directory_of_command_line() const;

    // Writes to standard output, at once. Throws CommandError if that fails.
    static void print(std::string_view text);
    // Writes a key in a line of its own; nothing if it is empty.
    static void print_key(std::string_view key);
    // Returns a table that fits the terminal.
    [[nodiscard]] Table table(std::vector<Column> columns) const {
        return {std::move(columns), colours_, {terminal_columns(Stream::out)}};
    }
    // Returns a table as wide as its content: for digests, and for lines that are printed one by
    // one.
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
