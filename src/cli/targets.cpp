#include "cli/targets.h"

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "cli/surroundings.h"
#include "cli/text.h"

namespace larder::cli {
namespace {

// As git: a shorter word is more likely a mistake, and may be about to remove something.
constexpr std::size_t k_key_characters_min = 4;

}  // namespace

bool could_be_a_key(const std::string& text) {
    return text.size() <= 64 && text.size() >= k_key_characters_min &&
           text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Targets find_targets(const Store& store, const std::vector<std::string>& names, int exit_code) {
    Targets targets;
    auto& keys = targets.keys;
    for (const auto& name : names) {
        if (could_be_a_key(name)) {
            try {
                keys.push_back(store.entry(name).key);
                continue;
            } catch (const Error& error) {
                if (error.code() != ErrorCode::not_found) throw;
            }
        }
        const auto found = store.keys_of_model(name);
        if (found.empty()) {
            throw CommandError({"no entry matches '" + name + "'",
                                "'larder ls' lists keys and models; a key needs four characters",
                                exit_code});
        }
        keys.insert(keys.end(), found.begin(), found.end());
        targets.models.push_back(name);
    }
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return targets;
}

bool agrees(const std::string& question, const std::string& verb) {
    if (!is_terminal(Stream::in) || !is_terminal(Stream::error)) {
        throw_usage(verb + " asks for confirmation, and standard input is not a terminal",
                    "give --yes to confirm, or --dry-run to see what it would do");
    }
    std::fputs((question + "? [y/N] ").c_str(), stderr);
    std::string answer;
    std::getline(std::cin, answer);
    const auto word = trimmed(answer);
    return word == "y" || word == "Y" || word == "yes";
}

}  // namespace larder::cli
