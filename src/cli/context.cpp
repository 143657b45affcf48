#include "cli/context.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "cli/failure.h"
#include "cli/openvinos.h"
#include "cli/surroundings.h"
#include "cli/text.h"

namespace larder::cli {
namespace {

void check_mode(const std::string& mode) {
    static constexpr std::array<std::string_view, 5> k_modes{"on", "read-only", "cache-only",
                                                             "refresh", "off"};
    if (std::ranges::find(k_modes, mode) != k_modes.end()) return;
    throw_usage("'mode' on the command line: cannot read '" + mode + "'",
                "it must be one of on, read-only, cache-only, refresh, off");
}

}  // namespace

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
    if (!flags.mode.empty()) {
        check_mode(flags.mode);
        overrides_["mode"] = flags.mode;
        // Set in the environment, because LARDER_MODE=off there overrides all settings of a
        // program.
        (void)setenv("LARDER_MODE", flags.mode.c_str(), 1);
    }
    // Also for the programs that a verb starts.
    if (!flags.openvino.empty()) {
        (void)setenv(k_openvino_variable, absolute(flags.openvino).c_str(), 1);
    }
    if (flags.verbose) overrides_["log_level"] = "info";
}

Settings Context::settings() const {
    auto settings = load_settings(overrides_);
    if (!std::exchange(has_warned_, true)) {
        const auto warn = [](const std::string& text) {
            std::fputs(("larder: warning: " + printable(text) + "\n").c_str(), stderr);
        };
        std::ranges::for_each(settings.unread, warn);
        std::ranges::for_each(settings.misspelt, warn);
    }
    return settings;
}

std::string Context::directory_of_command_line() const {
    const auto found = overrides_.find("directory");
    return found == overrides_.end() ? std::string{} : absolute(found->second).string();
}

void Context::print(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
        std::fflush(stdout) == 0) {
        return;
    }
    const int error = errno;
    throw CommandError({"cannot write to standard output: " + std::string(std::strerror(error)),
                        "the command was carried out, unless another message says otherwise",
                        k_failed});
}

void Context::print_key(std::string_view key) {
    if (!key.empty()) print(std::string(key) + "\n");
}

}  // namespace larder::cli
