#include "cli/surroundings.h"

#include <cstdlib>
#include <fstream>  // tidy-allow(streams): /proc and /sys only, which no test has to break
#include <sstream>
#include <string_view>
#include <system_error>

#include <unistd.h>  // tidy-allow(system-header): isatty is a matter of the program alone

namespace larder::cli {
namespace {

bool is_set(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0';
}

}  // namespace

std::chrono::system_clock::time_point now() {
    return std::chrono::system_clock::now();  // tidy-allow(wall-clock): ages are for people
}

bool is_terminal(Stream stream) {
    switch (stream) {
        case Stream::in: return isatty(STDIN_FILENO) == 1;
        case Stream::out: return isatty(STDOUT_FILENO) == 1;
        case Stream::error: return isatty(STDERR_FILENO) == 1;
    }
    return false;
}

bool shows_colours(Stream stream) {
    if (is_set("NO_COLOR") || !is_terminal(stream)) return false;
    const char* terminal = std::getenv("TERM");
    return terminal == nullptr || std::string_view(terminal) != "dumb";
}

bool is_gone(const std::filesystem::path& path) {
    std::error_code error;
    const auto found = std::filesystem::status(path, error);  // tidy-allow(filesystem): a hint only
    return found.type() == std::filesystem::file_type::not_found;
}

std::filesystem::path absolute(const std::filesystem::path& path) {
    std::error_code error;
    auto result = std::filesystem::absolute(path, error);  // tidy-allow(filesystem): touches none
    return error ? path : result.lexically_normal();
}

Memory memory_in_use() {
    Memory memory;
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        std::istringstream words(line);
        std::string name;
        std::uint64_t kilobytes = 0;
        words >> name >> kilobytes;
        if (name == "VmRSS:") memory.rss_bytes = kilobytes * 1024;
        if (name == "VmHWM:") memory.peak_rss_bytes = kilobytes * 1024;
    }
    return memory;
}

std::string transparent_huge_pages() {
    std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
    std::string line;
    std::getline(file, line);
    const auto open = line.find('[');
    const auto close = line.find(']', open);
    if (open == std::string::npos || close == std::string::npos) return {};
    return line.substr(open + 1, close - open - 1);
}

}  // namespace larder::cli
