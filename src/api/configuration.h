// The settings that are in force: the program's own, and those of the environment and the files
// where the program made none. Every setting has a value.
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
    // Takes every member from `options`; an absent one gets the most careful value.
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
    std::vector<std::string> remote;
    std::chrono::seconds remote_timeout;
    std::vector<std::filesystem::path> trusted_keys;
    std::filesystem::path signing_key;
    LogLevel log_level;
    std::function<void(LogLevel, std::string_view)> log_sink;
    std::function<void(const StageProgress&)> progress;

    // Says which setting cannot be read, so that the cache cannot be used. Empty if it can.
    std::string unusable;
    // Messages for the user, each shown once: see Settings::unread and Settings::misspelt.
    std::vector<std::string> notices;
};

// Throws Error (invalid_argument) that names a setting which cannot be read. Reads the environment.
[[nodiscard]] Configuration configure(Options given);

// The same for programs that must get their models whatever is wrong with larder: never throws
// Error. Exported for the other library.
[[nodiscard]] LARDER_EXPORT Configuration configure_or_switch_off(Options given);

// Sets the option `name`, as in a configuration file. Throws Error (invalid_argument) that names
// it.
void apply_setting(const std::string& name, const std::string& value, Options& options);

// Returns "what: remedy" in one line.
[[nodiscard]] std::string explanation(const Error& error);

}  // namespace larder::api
