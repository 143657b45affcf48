// The sources of settings: the command line, the environment, files.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/variables.h"

namespace larder::api {

// Returns an empty string if the variable is not set, or empty.
[[nodiscard]] std::string environment_value(const char* variable);

// Returns the path of the user's own settings file; empty if there is no home directory.
[[nodiscard]] std::filesystem::path user_file();

struct Origin {
    std::string name;     // as Setting::origin
    std::string subject;  // the name of the value in error messages
    std::string value;
};

class Sources {
public:
    // Reads the user's own file. `overrides` must outlive it; `known` are all settings.
    // Throws Error (invalid_argument) for a file that is malformed or has a setting that does not
    // exist.
    Sources(const std::map<std::string, std::string>& overrides, std::vector<SettingName> known);

    // Reads the larder's own file, which takes precedence over the user's.
    void add_larder(const std::filesystem::path& directory);

    [[nodiscard]] std::optional<Origin> find(std::string_view name, const char* variable) const;

    // See Settings::unread.
    [[nodiscard]] const std::vector<std::string>& unread() const { return unread_; }
    // Tells whether this user may not enter a directory, as with a file that could not be read.
    [[nodiscard]] bool is_closed(const std::filesystem::path& directory) const;
    [[nodiscard]] bool larder_is_unread() const { return larder_is_unread_; }

private:
    using Values = std::map<std::string, std::string, std::less<>>;
    struct File {
        std::filesystem::path path;
        Values values;
    };

    // Returns false if this user may not read the file.
    bool add_file(const std::filesystem::path& path);
    [[nodiscard]] Values parse(const std::filesystem::path& path, const std::string& text) const;
    // Throws if the larder's own file sets `name`.
    void refuse_here(const std::string& name, const std::string& why) const;

    const std::map<std::string, std::string>& overrides_;
    std::vector<SettingName> known_;
    std::vector<File> files_;
    std::vector<std::string> unread_;
    bool larder_is_unread_ = false;
};

}  // namespace larder::api
