#include <algorithm>
#include <array>
#include <exception>
#include <iterator>
#include <optional>
#include <utility>

#include "api/configuration.h"
#include "api/convert.h"
#include "api/settings_sources.h"
#include "api/tier_settings.h"
#include "api/variables.h"
#include "base/units.h"
#include "larder/error.hpp"
#include "larder/options.hpp"
#include "os/file_system.h"

namespace larder {
namespace {

using api::Origin;
using api::Sources;

// `apply` throws, for a value that it cannot read, an exception that says what a valid value is.
struct Definition {
    const char* name;
    const char* variable;
    const char* initial;  // empty: depends on the machine
    const char* meaning;
    void (*apply)(Options& options, const std::string& value);
    bool (*is_given)(const Options& options);
};

bool is_set(const std::filesystem::path& value) { return !value.empty(); }
template <typename Value>
bool is_set(const std::optional<Value>& value) {
    return value.has_value();
}

template <auto member>
bool is_given(const Options& options) {
    return is_set(options.*member);
}

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

constexpr std::array<std::pair<const char*, Mode>, 5> k_modes{{{"on", Mode::on},
                                                               {"read-only", Mode::read_only},
                                                               {"cache-only", Mode::cache_only},
                                                               {"refresh", Mode::refresh},
                                                               {"off", Mode::off}}};

void apply_mode(Options& options, const std::string& value) {
    options.mode = one_of(k_modes, value);
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

void apply_release_memory(Options& options, const std::string& value) {
    static constexpr std::array<std::pair<const char*, ReleaseMemory>, 3> k_words{
        {{"auto", ReleaseMemory::automatic},
         {"on", ReleaseMemory::on},
         {"off", ReleaseMemory::off}}};
    options.release_memory = one_of(k_words, value);
}

void apply_publish(Options& options, const std::string& value) {
    static constexpr std::array<std::pair<const char*, Publish>, 2> k_words{
        {{"behind", Publish::behind}, {"first", Publish::first}}};
    options.publish = one_of(k_words, value);
}

void apply_share(Options& options, const std::string& value) {
    static const std::array k_words{std::pair(to_string(Share::automatic), Share::automatic),
                                    std::pair(to_string(Share::on), Share::on),
                                    std::pair(to_string(Share::off), Share::off)};
    options.share = one_of(k_words, value);
}

void apply_weights(Options& options, const std::string& value) {
    static constexpr std::array<std::pair<const char*, Weights>, 3> k_words{
        {{"auto", Weights::automatic}, {"refer", Weights::refer}, {"keep", Weights::keep}}};
    options.weights = one_of(k_words, value);
}

void apply_keep(Options& options, const std::string& value) {
    static constexpr std::array<std::pair<const char*, Keep>, 2> k_words{
        {{"auto", Keep::automatic}, {"all", Keep::all}}};
    options.keep = one_of(k_words, value);
}

void apply_openvino(Options& options, const std::string& value) {
    static constexpr std::array<std::pair<const char*, ServedOpenVino>, 2> k_words{
        {{"known", ServedOpenVino::known}, {"any", ServedOpenVino::any}}};
    options.openvino = one_of(k_words, value);
}

SizeLimit size_limit(const std::string& value) {
    const auto limit = internal::parse_size_limit(value);
    if (!limit) throw Unreadable("a size with a unit, such as 20GiB, a share such as 10%, or 0");
    return *limit;
}

void apply_log_level(Options& options, const std::string& value) {
    static constexpr std::array<std::pair<const char*, LogLevel>, 4> k_words{
        {{"error", LogLevel::error},
         {"warn", LogLevel::warn},
         {"info", LogLevel::info},
         {"debug", LogLevel::debug}}};
    options.log_level = one_of(k_words, value);
}

std::chrono::seconds time_limit(const std::string& value) {
    const auto age = internal::parse_age(value);
    if (!age) throw Unreadable("a time with a unit, such as 90s, 10m or 1h");
    return *age;
}

void apply_remote(Options& options, const std::string& value) {
    auto urls = api::read_urls(value);
    if (!urls) {
        throw Unreadable(
            "URLs such as s3://bucket/prefix, https://host/path or file:///directory, separated by "
            "blanks and without passwords, which belong into ~/.netrc");
    }
    options.remote = std::move(*urls);
}

constexpr std::array<Definition, 21> k_definitions{{
    {"directory", "LARDER_DIR", "", "where compiled models are kept",
     [](Options& options, const std::string& value) { options.directory = value; },
     is_given<&Options::directory>},
    {"mode", "LARDER_MODE", "on", "on, read-only, cache-only (fail on a miss), refresh or off",
     apply_mode, is_given<&Options::mode>},
    {"max_size", "LARDER_MAX_SIZE", "10%",
     "the maximum size of the larder: a size, a share of the disk, or 0 for no limit",
     [](Options& options, const std::string& value) { options.max_size = size_limit(value); },
     is_given<&Options::max_size>},
    {"min_free", "LARDER_MIN_FREE", "1%",
     "the minimum free space on the disk: a size, a share of it, or 0",
     [](Options& options, const std::string& value) { options.min_free = size_limit(value); },
     is_given<&Options::min_free>},
    {"lock_timeout", "LARDER_LOCK_TIMEOUT", "10m",
     "how long to wait for another process or machine that compiles the same model",
     [](Options& options, const std::string& value) { options.lock_timeout = time_limit(value); },
     is_given<&Options::lock_timeout>},
    {"allow_world_writable", "LARDER_ALLOW_WORLD_WRITABLE", "off",
     "use a larder that every user can write to: on or off",
     [](Options& options, const std::string& value) {
         options.allow_world_writable = on_or_off(value);
     },
     is_given<&Options::allow_world_writable>},
    {"verify", "LARDER_VERIFY", "once",
     "when kept bytes are verified: always, once (per file and boot) or never; small files always",
     apply_verify, is_given<&Options::verify>},
    {"release_memory", "LARDER_RELEASE_MEMORY", "auto",
     "release memory as soon as the runtime does not need it: auto, on (each compiled model is "
     "replaced by an import, which takes time) or off",
     apply_release_memory, is_given<&Options::release_memory>},
    {"publish", "LARDER_PUBLISH", "first",
     "when a compiled model is published: first, or behind (the program goes on meanwhile)",
     apply_publish, is_given<&Options::publish>},
    {"prefault", "LARDER_PREFAULT", "auto",
     "fault in the memory of a large model by several threads before it is filled: auto or off",
     apply_prefault, is_given<&Options::prefault>},
    {"share", "LARDER_SHARE", "auto",
     "one copy of the weights in memory for all processes: auto (where copies would take a "
     "noticeable part of the memory), on or off",
     apply_share, is_given<&Options::share>},
    {"weights", "LARDER_WEIGHTS", "auto",
     "weights that the model's own files have: auto (referred to on CPU, unless they are far "
     "away), "
     "refer or keep",
     apply_weights, is_given<&Options::weights>},
    {"keep", "LARDER_KEEP", "auto",
     "which models are kept: auto (those that save time or memory) or all", apply_keep,
     is_given<&Options::keep>},
    {"remote", "LARDER_REMOTE", "",
     "storages that machines share, in the order in which they are asked: URLs, each with "
     "?read-only or ?unsigned where that is meant",
     apply_remote, is_given<&Options::remote>},
    {"remote_timeout", "LARDER_REMOTE_TIMEOUT", "30s",
     "how long a request may wait for answers of the storages before it compiles",
     [](Options& options, const std::string& value) { options.remote_timeout = time_limit(value); },
     is_given<&Options::remote_timeout>},
    {"trusted_keys", "LARDER_TRUSTED_KEYS", "",
     "files of public keys, separated by colons: entries of storages that none of them signed are "
     "not taken",
     [](Options& options, const std::string& value) {
         options.trusted_keys = api::read_paths(value);
     },
     is_given<&Options::trusted_keys>},
    {"signing_key", "LARDER_SIGNING_KEY", "",
     "the file of the key that signs entries which are sent to storages",
     [](Options& options, const std::string& value) {
         options.signing_key = internal::os::absolute_path(value);
     },
     is_given<&Options::signing_key>},
    {"openvino", "LARDER_OPENVINO", "any",
     "on which OpenVINO programs are served: known (those that larder was built for) or any (also "
     "a newer one, if a trial shows that it works)",
     apply_openvino, is_given<&Options::openvino>},
    {"log_level", "LARDER_LOG", "warn", "error, warn, info or debug", apply_log_level,
     is_given<&Options::log_level>},
    {"report", "LARDER_REPORT", "off",
     "print a summary of its models at the end of a program: on or off",
     [](Options& options, const std::string& value) { options.report = on_or_off(value); },
     is_given<&Options::report>},
    {"state_directory", "LARDER_STATE_DIR", "",
     "the directory of the state database: fingerprints, verified files, hits",
     [](Options& options, const std::string& value) { options.state_directory = value; },
     is_given<&Options::state_directory>},
}};

Setting resolve(const Definition& definition, const Sources& sources, Options& options) {
    const auto origin = sources.find(definition.name, definition.variable)
                            .value_or(Origin{"default", definition.name, definition.initial});
    if (!origin.value.empty() || origin.name != "default") {
        try {
            definition.apply(options, origin.value);
        } catch (const Unreadable& unreadable) {
            throw Error(
                ErrorCode::invalid_argument,
                origin.subject + ": cannot read '" + api::without_passwords(origin.value) + "'",
                "it must be " + std::string(unreadable.what()));
        }
    }
    return {definition.name, definition.variable, origin.value, origin.name, definition.meaning};
}

// A user who may not read the larder's own settings must not break them: nothing is written.
void obey_unread(const Sources& sources, Options& options) {
    if (!sources.larder_is_unread()) return;
    const auto mode = options.mode.value_or(Mode::on);
    if (mode == Mode::on || mode == Mode::refresh) options.mode = Mode::read_only;
}

// An operator's setting overrides a program's.
bool is_switched_off() { return api::environment_value("LARDER_MODE") == "off"; }

// Settings whose default is nothing.
void add_nothing(Options& options) {
    if (!options.remote) options.remote.emplace();
    if (!options.trusted_keys) options.trusted_keys.emplace();
    if (!options.signing_key) options.signing_key.emplace();
}

// Options that are already set in `settings.options` stay as they are.
void load_into(Settings& settings, const std::map<std::string, std::string>& overrides) {
    auto& options = settings.options;
    std::vector<api::SettingName> known;
    std::vector<const Definition*> open;
    for (const auto& definition : k_definitions) {
        known.push_back({definition.name, definition.variable});
        if (!definition.is_given(options)) open.push_back(&definition);
    }
    Sources sources(overrides, known);
    if (options.directory.empty()) {
        static_cast<void>(resolve(k_definitions.front(), sources, options));
    }
    options = api::with_defaults(std::move(options));
    // Absolute, because programs change their working directory.
    const auto directory = internal::os::absolute_path(options.directory);
    sources.add_larder(directory);
    for (const auto* definition : open) {
        settings.list.push_back(resolve(*definition, sources, options));
    }
    add_nothing(options);
    options.directory = directory;
    options.state_directory = internal::os::absolute_path(options.state_directory);
    for (auto& setting : settings.list) {
        if (setting.name == "directory") setting.value = directory;
        if (setting.name == "state_directory") setting.value = options.state_directory.string();
    }
    obey_unread(sources, options);
    // A directory that this user may not open holds no state of this user; opening it would only
    // repeat the message.
    if (sources.is_closed(options.state_directory)) options.state_directory.clear();
    settings.unread = sources.unread();
    auto variables = api::unknown_variables(known);
    settings.misspelt = std::move(variables.misspelt);
    settings.unknown = std::move(variables.others);
}

}  // namespace

const char* to_string(Mode mode) noexcept {
    for (const auto& [word, value] : k_modes) {
        if (value == mode) return word;
    }
    return "";
}

Settings load_settings(const std::map<std::string, std::string>& overrides) {
    Settings settings;
    load_into(settings, overrides);
    return settings;
}

namespace api {

Configuration configure(Options given) {
    Settings settings;
    settings.options = std::move(given);
    if (is_switched_off()) settings.options.mode = Mode::off;
    const bool complete = std::ranges::all_of(k_definitions, [&](const Definition& definition) {
        // The state directory may be absent after all settings were read: the machine may have
        // none.
        const bool may_be_open = std::string_view(definition.name) == "state_directory";
        return may_be_open || definition.is_given(settings.options);
    });
    if (!complete) load_into(settings, {});
    Configuration configuration(settings.options);
    configuration.notices = std::move(settings.unread);
    std::ranges::move(settings.misspelt, std::back_inserter(configuration.notices));
    return configuration;
}

Configuration configure_or_switch_off(Options given) {
    try {
        return configure(given);
    } catch (const Error& error) {
        given.mode = is_switched_off() ? Mode::off : given.mode;
        Configuration configuration(with_defaults(std::move(given)));
        if (configuration.mode != Mode::off) configuration.unusable = explanation(error);
        return configuration;
    }
}

void apply_setting(const std::string& name, const std::string& value, Options& options) {
    for (const auto& definition : k_definitions) {
        if (name != definition.name) continue;
        try {
            return definition.apply(options, value);
        } catch (const Unreadable& unreadable) {
            auto what = "'" + name;
            what.append("': cannot read '").append(api::without_passwords(value)).append("'");
            throw Error(ErrorCode::invalid_argument, what,
                        "it must be " + std::string(unreadable.what()));
        }
    }
    throw Error(ErrorCode::invalid_argument, "there is no setting '" + name + "'",
                "'larder config' lists all settings");
}

}  // namespace api
}  // namespace larder
