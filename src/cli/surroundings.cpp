#include "cli/surroundings.h"

#include <cerrno>
#include <cstdlib>
#include <fstream>  // tidy-allow(streams): /proc and /sys only, which no test has to break
#include <sstream>
#include <string_view>
#include <system_error>

#include <dlfcn.h>
#include <sys/mman.h>  // tidy-allow(system-header): a measurement of this machine, for people
#include <unistd.h>    // tidy-allow(system-header): isatty, execvp: matters of the program alone

#include "larder/options.hpp"

namespace larder::cli {
namespace {

bool is_set(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0';
}

// Milliseconds to touch every page of so much fresh memory; negative on failure.
double fill_ms(std::size_t size_bytes, int advice) {
    constexpr std::size_t k_page_bytes = 4096;
    void* const memory =
        mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return -1;
    double spent = -1;
    if (madvise(memory, size_bytes, advice) == 0) {
        const auto start = std::chrono::steady_clock::now();
        auto* const bytes = static_cast<volatile char*>(memory);
        for (std::size_t i = 0; i < size_bytes; i += k_page_bytes) bytes[i] = 1;
        spent = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
                    .count();
    }
    (void)munmap(memory, size_bytes);
    return spent;
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

std::string preload_library() {
    Dl_info library{};
    // Anything that a library of larder's has.
    if (dladdr(reinterpret_cast<const void*>(&load_settings), &library) == 0) return {};
    auto path = absolute(library.dli_fname).replace_filename("liblarder_preload.so");
    std::error_code error;
    const auto there = std::filesystem::exists(path, error);  // tidy-allow(filesystem): a name only
    return there ? path.string() : std::string{};
}

int replace_by(const std::vector<std::string>& command) {
    std::vector<char*> words;
    words.reserve(command.size() + 1);
    for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    execvp(words.front(), words.data());
    return errno;
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

FillTime measure_fill_time() {
    constexpr std::size_t k_size = std::size_t{32} << 20;
    constexpr double k_per_gib = 1024.0 / 32;
    const double small = fill_ms(k_size, MADV_NOHUGEPAGE);
    const double huge = fill_ms(k_size, MADV_HUGEPAGE);
    if (small < 0 || huge < 0) return {};
    return {small * k_per_gib, huge * k_per_gib};
}

}  // namespace larder::cli
