/// \file
/// The settings of a larder, and the origin of each.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "larder/export.hpp"
#include "larder/require_cxx20.hpp"
#include "larder/units.hpp"

namespace larder {

/// Decides how larder serves a program.
enum class Mode {
    on,          ///< load entries, publish compiled models
    read_only,   ///< load entries, write nothing
    cache_only,  ///< load entries, fail on a miss
    refresh,     ///< compile anew and replace entries
    off,         ///< as if larder were not there
};

/// Returns "on", "read-only", "cache-only", "refresh" or "off".
[[nodiscard]] LARDER_EXPORT const char* to_string(Mode mode) noexcept;
/// Writes to_string().
inline std::ostream& operator<<(std::ostream& out, Mode mode) { return out << to_string(mode); }

/// Decides when the bytes of an object are checked against its digest.
enum class Verify {
    always,  ///< on every load
    once,    ///< once for each file and boot; again as soon as the file changes in any way
    never,   ///< only sizes
};

/// Prefault: bring the memory that the runtime unpacks a large model into into RAM at once, by
/// several threads, instead of page by page as it is filled; in huge pages if the machine has them
/// available.
enum class Prefault {
    automatic,  ///< only the runtime's large blocks, while a large model is loaded and first used
    off,
};

/// Decides whether processes of this machine that load the same model share one copy of the memory
/// that the runtime unpacks it into. The copy consists of files of the larder, which all of them
/// map (docs/sharing.md).
enum class Share {
    automatic,  ///< models that several processes load at once, or have loaded so, if their copies
                /// take more than a quarter of the available memory, and if there is room
    on,         ///< every large model, from its first load on; other entries may be evicted for it
    off,
};

/// Returns "auto", "on" or "off".
[[nodiscard]] inline const char* to_string(Share share) noexcept {
    switch (share) {
        case Share::automatic: return "auto";
        case Share::on: return "on";
        case Share::off: return "off";
    }
    return "";
}
/// Writes to_string().
inline std::ostream& operator<<(std::ostream& out, Share share) { return out << to_string(share); }

/// Decides whether an entry holds weights that are also in the model's own files (docs/weights.md).
enum class Weights {
    /// Only what the compiler made, for CPU, unless the files lie on another machine or in memory.
    automatic,
    refer,  ///< only what the compiler made, for every device
    keep,   ///< all of it: a hit reads only the larder, and needs no model file
};

/// Decides when memory is released that the runtime does not need.
enum class ReleaseMemory {
    /// Pages of files as soon as they were read. A compiled model is replaced by an import of its
    /// blob, which takes less memory but costs time, only if memory is short.
    automatic,
    on,   ///< the same, and a compiled model is always replaced
    off,  ///< loads and compiles may be a little faster
};

/// Decides when a model that was just compiled is published.
enum class Publish {
    /// The program gets the model at once; a thread of low priority publishes it meanwhile. If that
    /// could disturb the program, larder does the same as for `first` (docs/first-start.md). A
    /// process that ends by _exit, as Python's workers do, may leave no entry.
    behind,
    first,  ///< before the program gets the model: the result then describes the published blob
};

/// Decides whether programs are served on an OpenVINO that is newer than those that larder was
/// built for (docs/versions.md).
enum class ServedOpenVino {
    known,  ///< only on those that larder was built for
    any,    ///< also on a newer one, if a trial shows that it works
};

/// Decides which models are published.
enum class Keep {
    automatic,  ///< those that save time or memory; docs/performance.md has the rule
    all,        ///< also those that load no faster than they compile
};

/// How a request was served.
enum class Outcome {
    compiled,  ///< by this request, and published, or being published: Result::is_being_kept
    loaded,    ///< from the larder
    waited,    ///< another process or thread compiled it meanwhile; loaded
    bypassed,  ///< compiled and not published; `reason` says why
};

/// Returns "compiled", "loaded", "waited" or "bypassed".
[[nodiscard]] inline const char* to_string(Outcome outcome) noexcept {
    switch (outcome) {
        case Outcome::compiled: return "compiled";
        case Outcome::loaded: return "loaded";
        case Outcome::waited: return "waited";
        case Outcome::bypassed: return "bypassed";
    }
    return "";
}
/// Writes to_string().
inline std::ostream& operator<<(std::ostream& out, Outcome outcome) {
    return out << to_string(outcome);
}

/// How severe a message is.
enum class LogLevel { error, warn, info, debug };

/// The stages of a request, in order; not every request has all of them.
enum class Stage {
    identifying,  ///< reads those of the model's files that are not known yet
    waiting,      ///< for another process that compiles the same
    compiling,
    publishing,  ///< exports what was compiled, and keeps it
    verifying,   ///< reads what is kept
    loading,
};

/// Returns "reading the model", "waiting", "compiling", "publishing", "verifying" or "loading".
[[nodiscard]] inline const char* to_string(Stage stage) noexcept {
    switch (stage) {
        case Stage::identifying: return "reading the model";
        case Stage::waiting: return "waiting";
        case Stage::compiling: return "compiling";
        case Stage::publishing: return "publishing";
        case Stage::verifying: return "verifying";
        case Stage::loading: return "loading";
    }
    return "";
}
/// Writes to_string().
inline std::ostream& operator<<(std::ostream& out, Stage stage) { return out << to_string(stage); }

/// How far a request is.
struct StageProgress {
    Stage stage = Stage::identifying;  ///< that has begun
    std::string request;               ///< "/srv/models/detector.onnx on CPU"
    std::string detail;                ///< for whom it waits, or why it is compiled; may be empty
    std::uint64_t bytes_done = 0;      ///< of what the stage reads or exports
    std::uint64_t bytes_total = 0;     ///< 0: not known beforehand; of `publishing`, about so many
};

/// The choices of a program. An empty member is taken from the environment, the configuration files
/// and the defaults, in this order (load_settings), so that an operator can set it. LARDER_MODE=off
/// in the environment takes precedence over the program.
/// Members have initializers so that designated ones can leave any of them out without a warning.
struct Options {
    /// The larder's directory; LARDER_DIR. By default `$XDG_CACHE_HOME/larder`, else
    /// `~/.cache/larder`. Created at the first write.
    std::filesystem::path directory{};
    /// The directory for the state: what this machine remembers and can rebuild (fingerprints by
    /// file, verified objects, hits); LARDER_STATE_DIR. By default `$XDG_STATE_HOME/larder`, else
    /// `~/.local/state/larder`. If it is empty and every other member is set, nothing is
    /// remembered.
    std::filesystem::path state_directory{};
    std::optional<Mode> mode{};      ///< LARDER_MODE; Mode::on
    std::optional<Verify> verify{};  ///< LARDER_VERIFY; Verify::once
    /// The limit: how much the larder may hold on disk; LARDER_MAX_SIZE, a tenth of the disk.
    /// Before more than that is published, the least valuable entries are evicted; a blob that is
    /// larger than the limit is used and not published. SizeLimit{}: no limit.
    std::optional<SizeLimit> max_size{};
    /// The floor: how much of the larder's disk must stay free; LARDER_MIN_FREE, 1 %. If less is
    /// free, the larder evicts entries and publishes none. The default is a share: on a small disk
    /// a fixed number would leave no room at all.
    std::optional<SizeLimit> min_free{};
    /// Allows a larder that everybody on the machine can write to. Otherwise such a larder is not
    /// used: whoever writes to it decides what runs here. To share one, give it to a group: chmod
    /// g+ws. LARDER_ALLOW_WORLD_WRITABLE; false.
    std::optional<bool> allow_world_writable{};
    /// How long a request waits for another process, or another machine, that compiles the same
    /// key, before it compiles itself; LARDER_LOCK_TIMEOUT, ten minutes.
    std::optional<std::chrono::seconds> lock_timeout{};
    std::optional<ReleaseMemory> release_memory{};  ///< LARDER_RELEASE_MEMORY; automatic
    std::optional<Publish> publish{};               ///< LARDER_PUBLISH; Publish::first
    std::optional<Prefault> prefault{};             ///< LARDER_PREFAULT; Prefault::automatic
    std::optional<Share> share{};                   ///< LARDER_SHARE; Share::automatic
    std::optional<Weights> weights{};               ///< LARDER_WEIGHTS; Weights::automatic
    std::optional<ServedOpenVino> openvino{};       ///< LARDER_OPENVINO; ServedOpenVino::any
    std::optional<Keep> keep{};                     ///< LARDER_KEEP; Keep::automatic
    /// The URLs of storages that machines share, in the order in which they are asked after a miss
    /// (docs/fleet.md): "s3://bucket/prefix", "https://host/path", "file:///directory", each with
    /// "?read-only" or "?unsigned" where that is meant. LARDER_REMOTE; none.
    std::optional<std::vector<std::string>> remote{};
    /// How long a request may wait for answers before it compiles; LARDER_REMOTE_TIMEOUT, 30 s.
    std::optional<std::chrono::seconds> remote_timeout{};
    /// Files of public keys: entries that none of them signed are taken only from a storage whose
    /// URL says "?unsigned". LARDER_TRUSTED_KEYS; none.
    std::optional<std::vector<std::filesystem::path>> trusted_keys{};
    /// The file of the key that signs entries which are sent to storages. LARDER_SIGNING_KEY; none.
    std::optional<std::filesystem::path> signing_key{};
    /// LARDER_LOG; LogLevel::warn.
    std::optional<LogLevel> log_level{};
    /// When the larder is closed, logs one line with the outcomes of its requests. Messages of
    /// LogLevel::info log each outcome. LARDER_REPORT; false.
    std::optional<bool> report{};
    /// Receives messages of `log_level` and more severe ones, from any thread. Empty: standard
    /// error.
    std::function<void(LogLevel, std::string_view)> log_sink{};
    /// Told of each stage of a request as it begins, and how far it is behind every few megabytes;
    /// from any thread, several at once. Has to be quick, and must not throw. Empty: what would be
    /// told is logged, in messages of LogLevel::info (waiting) and LogLevel::debug.
    std::function<void(const StageProgress&)> progress{};
};

/// One setting that is in force, in the words of the configuration file.
struct Setting {
    std::string name;      ///< "lock_timeout"
    std::string variable;  ///< "LARDER_LOCK_TIMEOUT"
    std::string value;     ///< "10m"
    std::string origin;    ///< "command line", "environment", the path of a file, or "default"
    std::string meaning;   ///< one line
};

/// All settings that are in force.
struct Settings {
    Options options;            ///< every member but `log_sink` and `progress` is set
    std::vector<Setting> list;  ///< all of them, in the order of the documentation
    /// Configuration files that this user may not read, as messages: their settings are not in
    /// force. If the larder's own file is among them, Mode::on and Mode::refresh become
    /// Mode::read_only.
    std::vector<std::string> unread;
    /// Environment variables whose names are almost those of settings, as messages: they have no
    /// effect.
    std::vector<std::string> misspelt;
    /// The names of other variables LARDER_… that larder does not know; most likely of other
    /// programs.
    std::vector<std::string> unknown;
};

/// Reads every setting: `overrides` (by name, as from a command line), then the environment, then
/// `larder.toml` in the larder, then `$XDG_CONFIG_HOME/larder/config.toml`, then the default; the
/// first that has a value counts. Throws Error (invalid_argument) that names the variable, or the
/// file and key, of a value that cannot be read. A file that this user may not read is no error,
/// see Settings::unread. Reads the environment: do not call while another thread changes it.
[[nodiscard]] LARDER_EXPORT Settings
load_settings(const std::map<std::string, std::string>& overrides = {});

/// Writes a setting into the user's own file (in $XDG_CONFIG_HOME, else ~/.config), which is
/// created if there is none; its other lines stay as they are. Returns the file's path. Sources
/// that take precedence over that file still do. Throws Error: invalid_argument for a setting that
/// does not exist or a value that cannot be read, which changes nothing; io if the file cannot be
/// written.
LARDER_EXPORT std::filesystem::path save_setting(const std::string& name, const std::string& value);

}  // namespace larder
