// Finds environment variables that look like settings and are none.
#pragma once

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

// Reads the present environment.
[[nodiscard]] UnknownVariables unknown_variables(const std::vector<SettingName>& known);

}  // namespace larder::api
