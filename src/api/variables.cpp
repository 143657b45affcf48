#include "api/variables.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "larder/units.hpp"
#include "os/environment.h"

namespace larder::api {
namespace {

constexpr std::string_view k_prefix = "LARDER_";

// Not for users: the program passes them on to the programs that it starts.
constexpr std::array<std::string_view, 2> k_of_the_program{"LARDER_WITH_OPENVINO",
                                                           "LARDER_TRIED_OPENVINO"};

// Reduces "LARDER_MAX_SIZE" and "max_size" to "MAXSIZE".
std::string bare(std::string_view name) {
    std::string text;
    if (name.starts_with(k_prefix)) name.remove_prefix(k_prefix.size());
    for (const char c : name) {
        if (c != '_') text += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return text;
}

std::string_view last_word(std::string_view variable) {
    return variable.substr(variable.rfind('_') + 1);
}

}  // namespace

std::optional<SettingName> meant_setting(const std::string& name,
                                         const std::vector<SettingName>& known) {
    const auto text = bare(name);
    std::optional<SettingName> nearest;
    auto fewest = std::max<std::size_t>(1, text.size() / 4) + 1;
    for (const auto& setting : known) {
        const auto edits = std::min(edits_between(text, bare(setting.variable)),
                                    edits_between(text, bare(setting.name)));
        if (edits >= fewest) continue;
        fewest = edits;
        nearest = setting;
    }
    // Accepts "LARDER_CACHE_DIR", but not every longer name with such an ending.
    constexpr std::ptrdiff_t k_words_max = 2;
    if (nearest || std::ranges::count(name, '_') > k_words_max) return nearest;
    const auto same = std::ranges::find_if(known, [&](const SettingName& setting) {
        return bare(last_word(setting.variable)) == bare(last_word(name));
    });
    return same == known.end() ? std::nullopt : std::optional(*same);
}

UnknownVariables unknown_variables(const std::vector<SettingName>& known) {
    UnknownVariables found;
    for (const auto& [variable, value] : internal::os::environment(std::array{k_prefix})) {
        if (std::ranges::find(k_of_the_program, variable) != k_of_the_program.end()) continue;
        if (value.empty()) continue;  // an empty variable counts as not set, as containers use it
        if (std::ranges::find(known, variable, &SettingName::variable) != known.end()) continue;
        // Programs and schedulers set variables such as LARDER_PORT for a service of that name,
        // which do not concern larder.
        const auto meant = meant_setting(variable, known);
        if (!meant) {
            found.others.push_back(variable);
        } else {
            found.misspelt.push_back(variable);
            found.misspelt.back().append(" is not a setting of larder: did you mean ");
            found.misspelt.back().append(meant->variable).append("?");
        }
    }
    return found;
}

}  // namespace larder::api
