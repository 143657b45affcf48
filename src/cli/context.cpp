#include "cli/context.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/failure.h"
#include "cli/surroundings.h"

namespace larder::cli {

Context::Context(const Flags& flags)
    : command_(flags.command),
      verbose_(flags.verbose),
      colours_(shows_colours(Stream::out) ? Colours::yes : Colours::no) {
    const bool json = flags.json || flags.format == "json";
    if (flags.json && flags.format == "table") {
        throw_usage("--json and --format table contradict each other", "give one of them");
    }
    if (json && flags.quiet) {
        throw_usage("--json and -q contradict each other", "give one of them");
    }
    if (json) format_ = Format::json;
    if (flags.quiet) format_ = Format::keys;
    if (!flags.directory.empty()) overrides_["directory"] = flags.directory;
    if (!flags.mode.empty()) overrides_["mode"] = flags.mode;
    if (flags.verbose) overrides_["log_level"] = "info";
}

Options Context::options_of_command_line() const {
    Options options;
    if (const auto found = overrides_.find("directory"); found != overrides_.end()) {
        options.directory = found->second;
    }
    return options;
}

void Context::print(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
        std::fflush(stdout) == 0) {
        return;
    }
    const int error = errno;
    throw CommandError({"cannot write to standard output: " + std::string(std::strerror(error)),
                        "what was asked for is done, unless it is said otherwise", k_failed});
}

void Context::print_key(std::string_view key) {
    if (!key.empty()) print(std::string(key) + "\n");
}

}  // namespace larder::cli
