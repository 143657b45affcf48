// All operating system services that the program itself uses.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <termios.h>  // tidy-allow(system-header): how a terminal takes keys

namespace larder::cli {

[[nodiscard]] std::chrono::system_clock::time_point now();

enum class Stream { in, out, error };
[[nodiscard]] bool is_terminal(Stream stream);
// 0 unless the stream is a terminal.
[[nodiscard]] std::size_t terminal_columns(Stream stream);
[[nodiscard]] std::size_t terminal_rows(Stream stream);
// Clears the line of the terminal that standard error is. A signal handler may call it.
void clear_line() noexcept;

enum class Key {
    none,
    quit,  // q
    end,   // there will be no more
    other,
};
// Takes the whole terminal, and gives it back as it was; each key counts as it is pressed. For
// standard input and output, which both have to be terminals. One at a time.
class FullScreen {
public:
    FullScreen();
    FullScreen(const FullScreen&) = delete;
    FullScreen& operator=(const FullScreen&) = delete;
    ~FullScreen();

    // Returns early for a key, or a signal.
    [[nodiscard]] Key wait_for_key(std::chrono::milliseconds timeout) const;

private:
    termios before_{};
    bool is_changed_ = false;
};

// On a terminal that can, and where NO_COLOR does not forbid it.
[[nodiscard]] bool shows_colours(Stream stream);

// Returns a variable of the environment; empty if it is not set.
[[nodiscard]] std::string variable(const char* name);

// True if the path certainly does not exist; false if unknown.
[[nodiscard]] bool is_gone(const std::filesystem::path& path);
[[nodiscard]] bool is_folder(const std::filesystem::path& path);
[[nodiscard]] bool is_saved_model(const std::filesystem::path& folder);
// Returns, for a folder, the models in it, at most ten, sorted; for a file of weights, its graph.
[[nodiscard]] std::vector<std::string> models_beside(const std::filesystem::path& path);
[[nodiscard]] std::filesystem::path absolute(const std::filesystem::path& path);

struct Memory {
    std::uint64_t rss_bytes = 0;
    std::uint64_t peak_rss_bytes = 0;
};
// Returns the present memory use of this process.
[[nodiscard]] Memory memory_in_use();

// Returns the path of a file beside larder's own libraries, whether it exists or not.
[[nodiscard]] std::string library_beside(const std::string& name);
// Returns the library that `larder run` preloads into other programs; empty if it does not exist.
[[nodiscard]] std::string preload_library();
// Returns the names in a folder, sorted; none if it cannot be read.
[[nodiscard]] std::vector<std::string> names_in(const std::string& folder);
// Returns the path without links; the same path if that is impossible.
[[nodiscard]] std::filesystem::path real_path(const std::filesystem::path& path);
// Returns a path of the same library without blanks and colons, which the loader takes for the end
// of a path: a link to its folder, in one of `folders` or below /tmp. Empty, with the reason in
// `why`, if that is impossible.
[[nodiscard]] std::string plain_path_of(const std::string& library,
                                        const std::vector<std::filesystem::path>& folders,
                                        std::string& why);

// Returns the folders in which the loader searches for the dependencies of larder's libraries.
[[nodiscard]] std::vector<std::string> library_folders();
// Loads a library permanently; false, with the reason in `error`, if that fails. Libraries that are
// loaded later and ask for its name get this one.
[[nodiscard]] bool load(const std::string& library, std::string& error);
// Loads a library permanently and returns a function; null, with the reason in `error`, if either
// is missing.
[[nodiscard]] void* function_of(const std::string& library, const char* name, std::string& error);

// Replaces this program by another one, found like in a shell; returns only on failure, with errno.
[[nodiscard]] int replace_by(const std::vector<std::string>& command);

[[nodiscard]] long process_id();
// Returns the path of this program.
[[nodiscard]] std::string own_program();

// Returns "always", "madvise" or "never"; empty if the kernel does not say.
[[nodiscard]] std::string transparent_huge_pages();

// The cost of filling new memory on this machine, in pages of either size; measured in a few
// milliseconds. Zeros if unknown.
struct FillTime {
    double small_ms_per_gib = 0;
    double huge_ms_per_gib = 0;
};
[[nodiscard]] FillTime measure_fill_time();

}  // namespace larder::cli
