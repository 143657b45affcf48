// How a larder is used, and where each setting came from.
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

enum class Mode {
    on,          // load what is kept, keep what is compiled
    read_only,   // load what is kept, write nothing
    cache_only,  // load what is kept, fail on a miss
    refresh,     // compile anew and replace what is kept
    off,         // as if larder were not there
};

// "on", "read-only", "cache-only", "refresh", "off".
[[nodiscard]] LARDER_EXPORT const char* to_string(Mode mode) noexcept;
inline std::ostream& operator<<(std::ostream& out, Mode mode) { return out << to_string(mode); }

// When the bytes of an object are checked against its digest.
enum class Verify {
    always,  // on every load
    once,    // once for each file and boot; again as soon as the file changes in any way
    never,   // only sizes
};

// Whether the memory that the runtime unpacks a large model into is brought in at once, by several
// threads, rather than page by page as it is filled; in huge pages where the machine has them at
// hand.
enum class Prefault {
    automatic,  // the runtime's large blocks alone, while a large model is loaded and first used
    off,
};

// Whether processes of this machine that load the same model hold one copy of what the runtime
// unpacks it into: as files of the larder, which all of them map (docs/sharing.md).
enum class Share {
    automatic,  // models that several processes have loaded at once, now or once, if there is room
    on,         // every large model, from its first load on; others may have to go for it
    off,
};

// Whether weights are kept that the model's own files have as well (docs/weights.md).
enum class Weights {
    // Only what the compiler made, for CPU, unless the files lie on another machine or in memory.
    automatic,
    refer,  // only what the compiler made, for every device
    keep,   // all of it: a hit reads nothing but the larder, whatever becomes of the files
};

// When memory is given back that the runtime does not need.
enum class ReleaseMemory {
    // Pages of files as soon as they were read. What was compiled is exchanged for an import of
    // what was kept, which takes less memory, only where memory is short: that takes time.
    automatic,
    on,   // the same, and what was compiled is always exchanged
    off,  // loads and compiles may be a little faster
};

// When a model that was just compiled is kept.
enum class Publish {
    // The program gets the model at once; it is kept meanwhile, by a thread that gives way to the
    // program's own. Where that could disturb the program, as `first` (docs/first-start.md).
    behind,
    first,  // before the program gets it: then the result says what was kept
};

// Which models are kept.
enum class Keep {
    automatic,  // those that save time or memory; see docs/performance.md for the rule
    all,        // those too that load no quicker than they compile
};

enum class LogLevel { error, warn, info, debug };

// What a program decides for itself. What it leaves empty comes from the environment, the
// configuration files and the defaults, in this order (load_settings): an operator can set it. In
// the environment, LARDER_MODE=off counts whatever a program sets.
// Members have initializers so that designated ones can leave any of them out without a warning.
struct Options {
    // The larder; LARDER_DIR. By default `$XDG_CACHE_HOME/larder`, else `~/.cache/larder`. Created
    // when first written to.
    std::filesystem::path directory{};
    // What this machine remembers and can rebuild (which file had which fingerprint, what was
    // verified, hits); LARDER_STATE_DIR. By default `$XDG_STATE_HOME/larder`, else
    // `~/.local/state/larder`. Empty where every other member is set: nothing is remembered.
    std::filesystem::path state_directory{};
    std::optional<Mode> mode{};      // LARDER_MODE; Mode::on
    std::optional<Verify> verify{};  // LARDER_VERIFY; Verify::once
    // How much the larder may hold on disk; LARDER_MAX_SIZE, a tenth of the disk. What is worth
    // least is evicted before more is kept than that; a blob that is larger is used and not kept.
    // SizeLimit{}: no limit.
    std::optional<SizeLimit> max_size{};
    // How much of its disk must stay free; LARDER_MIN_FREE, 1 %. The larder evicts, and keeps
    // nothing more, where less is. A share by itself: on a small disk a fixed number would leave no
    // room at all.
    std::optional<SizeLimit> min_free{};
    // A larder that everybody on the machine can write to is used only with this: whoever writes to
    // it decides what runs here. To share one, give it to a group: chmod g+ws.
    // LARDER_ALLOW_WORLD_WRITABLE; false.
    std::optional<bool> allow_world_writable{};
    // How long a request waits for another process that compiles the same thing, before it compiles
    // for itself; LARDER_LOCK_TIMEOUT, ten minutes.
    std::optional<std::chrono::seconds> lock_timeout{};
    std::optional<ReleaseMemory> release_memory{};  // LARDER_RELEASE_MEMORY; automatic
    std::optional<Publish> publish{};               // LARDER_PUBLISH; Publish::behind
    std::optional<Prefault> prefault{};             // LARDER_PREFAULT; Prefault::automatic
    std::optional<Share> share{};                   // LARDER_SHARE; Share::automatic
    std::optional<Weights> weights{};               // LARDER_WEIGHTS; Weights::automatic
    std::optional<Keep> keep{};                     // LARDER_KEEP; Keep::automatic
    // LARDER_LOG; LogLevel::warn.
    std::optional<LogLevel> log_level{};
    // Says in one line, when the larder is closed, what became of the models that it was asked for;
    // messages of LogLevel::info say it of each. LARDER_REPORT; false.
    std::optional<bool> report{};
    // Receives messages of `log_level` and graver, from any thread. Empty: standard error.
    std::function<void(LogLevel, std::string_view)> log_sink{};
};

// One setting as it is in force, in the words of the configuration file.
struct Setting {
    std::string name;      // "lock_timeout"
    std::string variable;  // "LARDER_LOCK_TIMEOUT"
    std::string value;     // "10m"
    std::string origin;    // "command line", "environment", the path of a file, or "default"
    std::string meaning;   // one line
};

struct Settings {
    Options options;  // every member but `log_sink` is set
    std::vector<Setting> list;
    // Configuration files that this user may not read, in words: what they set is not in force.
    // Where the larder's own is among them, Mode::on and Mode::refresh become Mode::read_only.
    std::vector<std::string> unread;
    // Variables of the environment that are nearly called as a setting is, in words: they have no
    // effect.
    std::vector<std::string> misspelt;
    // The names of other variables LARDER_… that larder does not know: another's, most likely.
    std::vector<std::string> unknown;
};

// Reads every setting: `overrides` (by name, as from a command line), then the environment, then
// `larder.toml` in the larder, then `$XDG_CONFIG_HOME/larder/config.toml`, then the default; the
// first that has a value counts. Throws Error (invalid_argument) that names the variable, or the
// file and key, of a value that cannot be read. A file that this user may not read is no error, see
// Settings::unread. Reads the environment: do not call while another thread changes it.
[[nodiscard]] LARDER_EXPORT Settings
load_settings(const std::map<std::string, std::string>& overrides = {});

// Writes a setting into the user's own file (the one of $XDG_CONFIG_HOME, else ~/.config), which is
// made where there is none; its other lines stay as they are. Returns the file's path. What counts
// before that file stays in force. Throws Error: invalid_argument for a setting that does not exist
// or a value that cannot be read, which changes nothing; io where the file cannot be written.
LARDER_EXPORT std::filesystem::path save_setting(const std::string& name, const std::string& value);

}  // namespace larder
