// What a program set, and the environment and files where it set nothing: nothing is left open.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "larder/error.hpp"
#include "larder/export.hpp"
#include "larder/options.hpp"

namespace larder::api {

struct Configuration {
    // Of options in which every member is set, or else the most careful value.
    explicit Configuration(Options options);

    std::filesystem::path directory;
    std::filesystem::path state_directory;
    Mode mode;
    Verify verify;
    SizeLimit max_size;
    SizeLimit min_free;
    bool allow_world_writable;
    std::chrono::seconds lock_timeout;
    ReleaseMemory release_memory;
    Publish publish;
    bool report;
    Prefault prefault;
    Share share;
    Weights weights;
    Keep keep;
    LogLevel log_level;
    std::function<void(LogLevel, std::string_view)> log_sink;

    // Why it cannot be used, in words: a setting cannot be read. Empty: it can.
    std::string unusable;
    // What a user is told of it, once: see Settings::unread and Settings::misspelt.
    std::vector<std::string> notices;
};

// Throws Error (invalid_argument) that names a setting which cannot be read. Reads the environment.
[[nodiscard]] Configuration configure(Options given);

// For programs that get their models whatever is wrong with larder: never throws Error. Exported
// for the other library.
[[nodiscard]] LARDER_EXPORT Configuration configure_or_switch_off(Options given);

// By name, as in a configuration file. Throws Error (invalid_argument) that names it.
void apply_setting(const std::string& name, const std::string& value, Options& options);

// "what: remedy", for one line.
[[nodiscard]] std::string explanation(const Error& error);

}  // namespace larder::api
