#include "cli/stage_line.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "cli/surroundings.h"
#include "cli/text.h"

namespace larder::cli {
namespace {

constexpr const char* k_clear = "\r\033[K";

}  // namespace

StageLine::StageLine() : is_terminal_(is_terminal(Stream::error)) {}

void StageLine::listen(Options& options) const {
    if (!is_terminal_) return;
    options.log_level = LogLevel::debug;
    options.log_sink = tell;
}

void StageLine::clear() const {
    if (is_terminal_) std::fputs(k_clear, stderr);
}

// On any thread: one call, so that lines stay whole.
void StageLine::tell(LogLevel level, std::string_view message) {
    const auto text = printable(message);
    if (level == LogLevel::error || level == LogLevel::warn) {
        const char* const word = level == LogLevel::error ? "error: " : "warning: ";
        std::fputs((k_clear + std::string("larder: ") + word + text + "\n").c_str(), stderr);
        return;
    }
    constexpr std::size_t k_columns_min = 20;
    const auto columns = std::max(terminal_columns(), k_columns_min) - 1;
    std::fputs((k_clear + shortened(text, columns)).c_str(), stderr);
}

}  // namespace larder::cli
