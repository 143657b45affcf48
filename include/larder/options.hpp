// How a larder is used, and where each setting came from.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "larder/export.hpp"
#include "larder/units.hpp"

namespace larder {

enum class Mode {
    on,          // load what is kept, keep what is compiled
    read_only,   // load what is kept, write nothing
    cache_only,  // load what is kept, fail on a miss
    refresh,     // compile anew and replace what is kept
    off,         // as if larder were not there
};

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

enum class LogLevel { error, warn, info, debug };

// Members have initializers so that designated ones can leave any of them out without a warning.
struct Options {
    // The larder. Empty: `$XDG_CACHE_HOME/larder`, else `~/.cache/larder`. Created when first
    // written to.
    std::filesystem::path directory{};
    // What this machine remembers and can rebuild (which file had which fingerprint, what was
    // verified, hits). Empty: `$XDG_STATE_HOME/larder`, else `~/.local/state/larder`.
    std::filesystem::path state_directory{};
    Mode mode = Mode::on;
    Verify verify = Verify::once;
    // How much the larder may hold on disk. What is worth least is evicted before more is kept than
    // that; a blob that is larger is used and not kept. 0: no limit.
    SizeLimit max_size{.percent = 10};
    // How much of its disk must stay free: the larder evicts, and keeps nothing more, where less
    // is. A share by itself: on a small disk a fixed number would leave no room at all.
    SizeLimit min_free{.percent = 1};
    // A larder that everybody on the machine can write to is used only with this: whoever writes to
    // it decides what runs here. To share one, give it to a group: chmod g+ws.
    bool allow_world_writable = false;
    // How long a request waits for another process that compiles the same thing, before it compiles
    // for itself.
    std::chrono::seconds lock_timeout{600};
    // Gives memory back as soon as the runtime does not need it: the pages of a large blob behind
    // the import, and after a compile all that the model was compiled from, by importing what was
    // just kept. Off: both loads and compiles may be a little faster.
    bool release_memory = true;
    Prefault prefault = Prefault::automatic;
    Share share = Share::off;
    LogLevel log_level = LogLevel::warn;
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
    Options options;
    std::vector<Setting> list;
};

// Reads every setting: `overrides` (by name, as from a command line), then the environment, then
// `larder.toml` in the larder, then `$XDG_CONFIG_HOME/larder/config.toml`, then the default; the
// first that has a value counts. Throws Error (invalid_argument) that names the variable, or the
// file and key, of a value that cannot be read. Reads the environment: do not call while another
// thread changes it.
[[nodiscard]] LARDER_EXPORT Settings
load_settings(const std::map<std::string, std::string>& overrides = {});

}  // namespace larder
