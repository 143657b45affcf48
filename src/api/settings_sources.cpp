#include "api/settings_sources.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <utility>

#include <toml++/toml.h>

#include "api/convert.h"
#include "api/tier_settings.h"
#include "larder/error.hpp"
#include "os/denial.h"
#include "os/file_system.h"

namespace larder::api {
namespace {

namespace fs = std::filesystem;
namespace os = internal::os;

constexpr std::uint64_t k_file_bytes_max = std::uint64_t{1} << 20;

bool is_path(std::string_view name) { return name.ends_with("directory") || name == "signing_key"; }

// Relative paths in a file are relative to the file, "~/" is the home directory.
std::string path_in_file(const std::string& value, const fs::path& file) {
    if (value.starts_with("~/")) {
        if (const auto home = home_directory(); !home.empty()) {
            return (home / value.substr(2)).string();
        }
    }
    return (file.parent_path() / value).lexically_normal().string();
}

// The same for several paths that are separated by colons.
std::string paths_in_file(std::string_view values, const fs::path& file) {
    std::string paths;
    for (const auto& path : split_paths(values)) {
        if (!paths.empty()) paths += ':';
        paths += path_in_file(path, file);
    }
    return paths;
}

std::string value_in_file(std::string_view name, const std::string& value, const fs::path& file) {
    if (is_path(name)) return path_in_file(value, file);
    return name == "trusted_keys" ? paths_in_file(value, file) : value;
}

}  // namespace

std::string environment_value(const char* variable) {
    // An empty variable counts as not set, as containers use it.
    const char* const value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
    return value == nullptr ? "" : value;
}

fs::path user_file() {
    fs::path base = environment_value("XDG_CONFIG_HOME");
    if (base.empty()) {
        base = home_directory();
        if (!base.empty()) base /= ".config";
    }
    return base.empty() ? base : base / "larder" / "config.toml";
}

Sources::Sources(const std::map<std::string, std::string>& overrides,
                 std::vector<SettingName> known)
    : overrides_(overrides), known_(std::move(known)) {
    if (const auto file = user_file(); !file.empty()) static_cast<void>(add_file(file));
}

void Sources::add_larder(const fs::path& directory) {
    const auto others = unread_;
    const bool read = add_file(directory / "larder.toml");
    std::swap(files_.front(), files_.back());
    if (!read) {
        larder_is_unread_ = os::make_posix_file_system()->list(directory.string()).has_value();
        // Opening a larder that this user may not enter reports that by itself.
        if (!larder_is_unread_) unread_ = others;
    }
    refuse_here("directory", "which is the directory of the file itself");
    // A user decides alone whose compiled models to run, and to whom to send own ones: whoever can
    // write to a larder must not.
    for (const char* const name :
         {"allow_world_writable", "remote", "trusted_keys", "signing_key"}) {
        refuse_here(name, "which a file in the larder must not set");
    }
}

bool Sources::is_closed(const fs::path& directory) const {
    if (unread_.empty()) return false;
    const auto info = os::make_posix_file_system()->info(directory.string());
    return !info && info.error().code == internal::Errc::permission_denied;
}

std::optional<Origin> Sources::find(std::string_view name, const char* variable) const {
    const std::string text(name);
    if (const auto found = overrides_.find(text); found != overrides_.end()) {
        return Origin{"command line", "'" + text + "' on the command line", found->second};
    }
    if (auto value = environment_value(variable); !value.empty()) {
        return Origin{"environment", variable, std::move(value)};
    }
    for (const auto& file : files_) {
        const auto found = file.values.find(text);
        if (found == file.values.end()) continue;
        return Origin{file.path.string(), "'" + text + "' in '" + file.path.string() + "'",
                      value_in_file(name, found->second, file.path)};
    }
    return {};
}

void Sources::refuse_here(const std::string& name, const std::string& why) const {
    if (!files_.front().values.contains(name)) return;
    throw Error(ErrorCode::invalid_argument,
                "'" + files_.front().path.string() + "' sets '" + name + "', " + why,
                "remove that line");
}

bool Sources::add_file(const fs::path& path) {
    files_.push_back({path, {}});
    const auto files = os::make_posix_file_system();
    const auto text = os::read_text(*files, path.string(), k_file_bytes_max);
    if (text) {
        files_.back().values = parse(path, *text);
        return true;
    }
    // A larder that is not a directory has no settings; opening it reports the fault later.
    const bool absent =
        text.error().code == internal::Errc::not_found || text.error().system_errno == ENOTDIR;
    if (absent) return true;
    if (text.error().code != internal::Errc::permission_denied) {
        throw Error(ErrorCode::io, text.error().message(), "make it readable, or remove it");
    }
    const auto denial =
        os::explain_denial(*files, text.error(), "configuration file", path.string());
    unread_.push_back(denial.what + ": its settings are ignored");
    return false;
}

Sources::Values Sources::parse(const fs::path& path, const std::string& text) const {
    Values values;
    try {
        const auto table = toml::parse(text, path.string());
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
        throw Error(ErrorCode::invalid_argument, what.str(),
                    "write each setting on a line of its own, with its value in quotes: "
                    "max_size = \"20GiB\"");
    }
    for (const auto& [name, value] : values) {
        if (std::ranges::find(known_, name, &SettingName::name) != known_.end()) continue;
        const auto meant = meant_setting(name, known_);
        std::string all;
        for (const auto& each : known_) all.append(all.empty() ? "" : ", ").append(each.name);
        throw Error(ErrorCode::invalid_argument,
                    "'" + path.string() + "' has a setting that does not exist: '" + name + "'",
                    meant ? "did you mean " + meant->name + "?" : "known are " + all);
    }
    return values;
}

}  // namespace larder::api
