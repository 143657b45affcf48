// Finds entries by the names that users give: a key, or the model that they were compiled from.
#pragma once

#include <string>
#include <vector>

#include "cli/failure.h"
#include "larder/store.hpp"

namespace larder::cli {

struct Targets {
    std::vector<std::string> keys;    // in order, each once
    std::vector<std::string> models;  // those that were named by their path
};

// Tells whether the text can be the beginning of a key; short ones are more likely mistakes.
[[nodiscard]] bool could_be_a_key(const std::string& text);

// Throws CommandError, with this exit code, for a name that matches nothing.
[[nodiscard]] Targets find_targets(const Store& store, const std::vector<std::string>& names,
                                   int exit_code = k_failed);

// Asks on standard error, because standard output may be a pipe. Throws CommandError (wrong usage)
// if there is no terminal to ask on; `verb` is the verb that asks.
[[nodiscard]] bool agrees(const std::string& question, const std::string& verb);

}  // namespace larder::cli
