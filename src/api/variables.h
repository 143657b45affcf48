// Finds environment variables that look like settings and are none.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace larder::api {

struct UnknownVariables {
    std::vector<std::string> misspelt;  // see Settings::misspelt
    std::vector<std::string> others;    // see Settings::unknown
};

struct SettingName {
    std::string name;      // as in a file
    std::string variable;  // as in the environment
};

// Returns the setting that was meant by a name that is none, such as max_size by "maxsize", "size"
// or "LARDER_MAX_SIZES"; nothing if no setting is similar.
[[nodiscard]] std::optional<SettingName> meant_setting(const std::string& name,
                                                       const std::vector<SettingName>& known);

// Reads the present environment.
[[nodiscard]] UnknownVariables unknown_variables(const std::vector<SettingName>& known);

}  // namespace larder::api
