#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>
#include <utility>

#include <toml++/toml.h>

#include "api/convert.h"
#include "base/units.h"
#include "larder/error.hpp"
#include "larder/options.hpp"
#include "os/file_system.h"

namespace larder {
namespace {

namespace fs = std::filesystem;

// A value that cannot be read throws with what would be one.
struct Definition {
    const char* name;
    const char* variable;
    const char* initial;  // empty: worked out from the surroundings
    const char* meaning;
    void (*apply)(Options& options, const std::string& value);
};

class Unreadable : public std::exception {
public:
    explicit Unreadable(std::string expected) : expected_(std::move(expected)) {}
    [[nodiscard]] const char* what() const noexcept override { return expected_.c_str(); }

private:
    std::string expected_;
};

template <typename Value, std::size_t N>
Value one_of(const std::array<std::pair<const char*, Value>, N>& words, const std::string& text) {
    std::string expected = "one of";
    for (const auto& [word, value] : words) {
        if (text == word) return value;
        expected.append(expected.size() > 6 ? ", " : " ").append(word);
    }
    throw Unreadable(expected);
}

void apply_mode(Options& options, const std::string& value) {
    static constexpr std::array<std::pair<const char*, Mode>, 5> k_words{
        {{"on", Mode::on},
         {"read-only", Mode::read_only},
         {"cache-only", Mode::cache_only},
         {"refresh", Mode::refresh},
         {"off", Mode::off}}};
    options.mode = one_of(k_words, value);
}

void apply_verify(Options& options, const std::string& value) {
    static constexpr std::array<std::pair<const char*, Verify>, 3> k_words{
        {{"always", Verify::always}, {"once", Verify::once}, {"never", Verify::never}}};
    options.verify = one_of(k_words, value);
}

bool on_or_off(const std::string& value) {
    static constexpr std::array<std::pair<const char*, bool>, 2> k_words{
        {{"on", true}, {"off", false}}};
    return one_of(k_words, value);
}

void apply_prefault(Options& options, const std::string& value) {
    static constexpr std::array<std::pair<const char*, Prefault>, 2> k_words{
        {{"auto", Prefault::automatic}, {"off", Prefault::off}}};
    options.prefault = one_of(k_words, value);
}

void apply_share(Options& options, const std::string& value) {
    static constexpr std::array<std::pair<const char*, Share>, 3> k_words{
        {{"auto", Share::automatic}, {"on", Share::on}, {"off", Share::off}}};
    options.share = one_of(k_words, value);
}

SizeLimit size_limit(const std::string& value) {
    const auto limit = internal::parse_size_limit(value);
    if (!limit) throw Unreadable("a size with a unit, such as 20GiB, a share such as 10%, or 0");
    return {limit->bytes, limit->percent};
}

void apply_log_level(Options& options, const std::string& value) {
    static constexpr std::array<std::pair<const char*, LogLevel>, 4> k_words{
        {{"error", LogLevel::error},
         {"warn", LogLevel::warn},
         {"info", LogLevel::info},
         {"debug", LogLevel::debug}}};
    options.log_level = one_of(k_words, value);
}

void apply_lock_timeout(Options& options, const std::string& value) {
    const auto age = internal::parse_age(value);
    if (!age) throw Unreadable("a time with a unit, such as 90s, 10m or 1h");
    options.lock_timeout = *age;
}

constexpr std::array<Definition, 12> k_definitions{{
    {"directory", "LARDER_DIR", "", "where compiled models are kept",
     [](Options& options, const std::string& value) { options.directory = value; }},
    {"mode", "LARDER_MODE", "on", "on, read-only, cache-only (fail on a miss), refresh or off",
     apply_mode},
    {"max_size", "LARDER_MAX_SIZE", "10%",
     "how much the larder may hold: a size, a share of the disk, or 0 for no limit",
     [](Options& options, const std::string& value) { options.max_size = size_limit(value); }},
    {"min_free", "LARDER_MIN_FREE", "1%",
     "how much of the disk stays free: a size, a share of it, or 0",
     [](Options& options, const std::string& value) { options.min_free = size_limit(value); }},
    {"lock_timeout", "LARDER_LOCK_TIMEOUT", "10m",
     "how long to wait for another process that compiles the same model", apply_lock_timeout},
    {"allow_world_writable", "LARDER_ALLOW_WORLD_WRITABLE", "off",
     "use a larder that everybody can write to: on or off",
     [](Options& options, const std::string& value) {
         options.allow_world_writable = on_or_off(value);
     }},
    {"verify", "LARDER_VERIFY", "once",
     "when kept bytes are checked: always, once (per file and boot) or never", apply_verify},
    {"release_memory", "LARDER_RELEASE_MEMORY", "on",
     "give memory back as soon as the runtime does not need it: on or off",
     [](Options& options, const std::string& value) { options.release_memory = on_or_off(value); }},
    {"prefault", "LARDER_PREFAULT", "auto",
     "bringing in the memory for a large model before it is filled: auto or off", apply_prefault},
    {"share", "LARDER_SHARE", "off",
     "one copy of the weights in memory for all processes: auto (where several use a model), on or "
     "off",
     apply_share},
    {"log_level", "LARDER_LOG", "warn", "error, warn, info or debug", apply_log_level},
    {"state_directory", "LARDER_STATE_DIR", "",
     "what this machine remembers and can rebuild: fingerprints, verified files, hits",
     [](Options& options, const std::string& value) { options.state_directory = value; }},
}};

std::string environment(const char* variable) {
    // An empty variable is how containers say "not set".
    const char* const value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
    return value == nullptr ? "" : value;
}

bool is_path(const Definition& definition) {
    return std::string_view(definition.name).ends_with("directory");
}

// Relative paths in a file are relative to the file, "~/" is the home directory.
std::string path_in_file(const std::string& value, const fs::path& file) {
    const auto home = environment("HOME");
    if (value.starts_with("~/") && !home.empty())
        return (fs::path(home) / value.substr(2)).string();
    return (file.parent_path() / value).lexically_normal().string();
}

std::string known_names() {
    std::string names;
    for (const auto& definition : k_definitions) {
        names.append(names.empty() ? "" : ", ").append(definition.name);
    }
    return names;
}

using Values = std::map<std::string, std::string, std::less<>>;

// Empty if there is no such file.
Values read_file(const fs::path& path) {
    constexpr std::uint64_t k_bytes_max = std::uint64_t{1} << 20;
    const auto files = internal::os::make_posix_file_system();
    const auto text = internal::os::read_text(*files, path.string(), k_bytes_max);
    if (!text) {
        // A larder that is no directory has no settings; what is wrong with it shows later.
        const bool absent =
            text.error().code == internal::Errc::not_found || text.error().system_errno == ENOTDIR;
        if (absent) return {};
        throw Error(ErrorCode::permission_denied, text.error().message(),
                    "make it readable, or remove it");
    }
    Values values;
    try {
        const auto table = toml::parse(*text, path.string());
        for (const auto& [key, node] : table) {
            const std::string name(key.str());
            const auto* const string = node.as_string();
            if (string == nullptr) {
                throw Error(ErrorCode::invalid_argument,
                            "'" + name + "' in '" + path.string() + "' is not a string",
                            "write it in quotes: " + name + " = \"…\"");
            }
            values[name] = string->get();
        }
    } catch (const toml::parse_error& error) {
        std::ostringstream what;
        what << "cannot read '" << path.string() << "': line " << error.source().begin.line << ": "
             << error.description();
        throw Error(ErrorCode::invalid_argument, what.str(), "mend it, or remove it");
    }
    for (const auto& [name, value] : values) {
        const auto known = [&, wanted = name](const Definition& d) { return wanted == d.name; };
        if (std::none_of(k_definitions.begin(), k_definitions.end(), known)) {
            throw Error(ErrorCode::invalid_argument,
                        "'" + path.string() + "' has a setting that does not exist: '" + name + "'",
                        "known are " + known_names());
        }
    }
    return values;
}

struct Origin {
    std::string name;     // as Setting::origin
    std::string subject;  // what an error message calls the value
    std::string value;
};

class Sources {
public:
    explicit Sources(const std::map<std::string, std::string>& overrides) : overrides_(overrides) {
        auto home = environment("XDG_CONFIG_HOME");
        if (home.empty() && !environment("HOME").empty()) home = environment("HOME") + "/.config";
        if (!home.empty()) add_file(fs::path(home) / "larder" / "config.toml");
    }

    // Counts before the files that are there already.
    void add_larder(const fs::path& directory) {
        add_file(directory / "larder.toml");
        std::swap(files_.front(), files_.back());
        refuse_here("directory", "which is where it lies itself");
        refuse_here("allow_world_writable",
                    "which is not for whoever can write to the larder to decide");
    }

    [[nodiscard]] std::optional<Origin> find(const Definition& definition) const {
        const std::string name = definition.name;
        if (const auto found = overrides_.find(name); found != overrides_.end()) {
            return Origin{"command line", "'" + name + "' on the command line", found->second};
        }
        if (auto value = environment(definition.variable); !value.empty()) {
            return Origin{"environment", definition.variable, std::move(value)};
        }
        for (const auto& file : files_) {
            const auto found = file.values.find(name);
            if (found == file.values.end()) continue;
            return Origin{
                file.path.string(), "'" + name + "' in '" + file.path.string() + "'",
                is_path(definition) ? path_in_file(found->second, file.path) : found->second};
        }
        return {};
    }

private:
    struct File {
        fs::path path;
        Values values;
    };
    // In the larder's own file.
    void refuse_here(const std::string& name, const std::string& why) const {
        if (!files_.front().values.contains(name)) return;
        throw Error(ErrorCode::invalid_argument,
                    "'" + files_.front().path.string() + "' sets '" + name + "', " + why,
                    "remove that line");
    }
    void add_file(const fs::path& path) { files_.push_back({path, read_file(path)}); }

    const std::map<std::string, std::string>& overrides_;
    std::vector<File> files_;
};

Setting resolve(const Definition& definition, const Sources& sources, Options& options) {
    const auto origin =
        sources.find(definition).value_or(Origin{"default", definition.name, definition.initial});
    if (!origin.value.empty() || origin.name != "default") {
        try {
            definition.apply(options, origin.value);
        } catch (const Unreadable& unreadable) {
            throw Error(ErrorCode::invalid_argument,
                        origin.subject + ": cannot read '" + origin.value + "'",
                        "it has to be " + std::string(unreadable.what()));
        }
    }
    return {definition.name, definition.variable, origin.value, origin.name, definition.meaning};
}

}  // namespace

Settings load_settings(const std::map<std::string, std::string>& overrides) {
    Settings settings;
    Sources sources(overrides);
    static_cast<void>(resolve(k_definitions.front(), sources, settings.options));
    settings.options = api::with_defaults(std::move(settings.options));
    // Programs change their working directory.
    settings.options.directory = internal::os::absolute_path(settings.options.directory);
    sources.add_larder(settings.options.directory);
    const auto directory = settings.options.directory;
    for (const auto& definition : k_definitions) {
        settings.list.push_back(resolve(definition, sources, settings.options));
    }
    settings.options.directory = directory;
    settings.options.state_directory =
        internal::os::absolute_path(settings.options.state_directory);
    settings.list.front().value = directory.string();
    settings.list.back().value = settings.options.state_directory.string();
    return settings;
}

}  // namespace larder
