#include "cli/surroundings.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>  // tidy-allow(streams): /proc and /sys only, which no test has to break
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>

#include <dlfcn.h>
#include <link.h>
#include <poll.h>       // tidy-allow(system-header): keys of a terminal
#include <sys/auxv.h>   // tidy-allow(system-header): the path of this program
#include <sys/ioctl.h>  // tidy-allow(system-header): how wide a terminal is
#include <sys/mman.h>   // tidy-allow(system-header): a measurement of this machine, for people
#include <sys/stat.h>   // tidy-allow(system-header): the folder of a link to the preload
#include <unistd.h>     // tidy-allow(system-header): isatty, execvp: matters of the program alone

namespace larder::cli {
namespace {

namespace fs = std::filesystem;

// Returns the milliseconds to touch every page of this much new memory; negative on failure.
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

int descriptor_of(Stream stream) {
    switch (stream) {
        case Stream::in: return STDIN_FILENO;
        case Stream::out: return STDOUT_FILENO;
        case Stream::error: return STDERR_FILENO;
    }
    return -1;
}

std::string own_library() {
    Dl_info library{};
    // The library of this function: a package may keep liblarder_store in another folder.
    const auto* const address = reinterpret_cast<const void*>(&own_library);
    return dladdr(address, &library) == 0 ? std::string{} : library.dli_fname;
}

bool has_separator(const std::string& path) {
    return path.find_first_of(" :") != std::string::npos;
}

std::string reason(const fs::path& path, const std::error_code& error) {
    return "'" + path.string() + "': " + error.message();
}

// Makes a folder that no other user can write to.
bool make_private(const fs::path& folder, std::string& why) {
    std::error_code error;
    fs::create_directories(folder.parent_path(), error);  // tidy-allow(filesystem): not a larder's
    struct stat found{};
    const bool made = mkdir(folder.c_str(), S_IRWXU) == 0 || errno == EEXIST;
    if (!made || lstat(folder.c_str(), &found) != 0) {
        why = reason(folder, {errno, std::generic_category()});
        return false;
    }
    if (!S_ISDIR(found.st_mode) || found.st_uid != geteuid() ||
        (found.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        why = "'" + folder.string() + "' is not owned by this user alone";
        return false;
    }
    return true;
}

bool make_link(const fs::path& target, const fs::path& link, std::string& why) {
    std::error_code error;
    const auto there = fs::read_symlink(link, error);  // tidy-allow(filesystem): not a larder's
    if (!error && there == target) return true;
    const fs::path fresh = link.string() + "." + std::to_string(getpid());
    if (symlink(target.c_str(), fresh.c_str()) != 0 ||
        std::rename(fresh.c_str(), link.c_str()) != 0) {
        why = reason(link, {errno, std::generic_category()});
        (void)unlink(fresh.c_str());
        return false;
    }
    return true;
}

}  // namespace

std::chrono::system_clock::time_point now() {
    return std::chrono::system_clock::now();  // tidy-allow(wall-clock): ages are for people
}

bool is_terminal(Stream stream) { return isatty(descriptor_of(stream)) == 1; }

std::size_t terminal_columns(Stream stream) {
    winsize size{};
    return ioctl(descriptor_of(stream), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

std::size_t terminal_rows(Stream stream) {
    winsize size{};
    return ioctl(descriptor_of(stream), TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

void clear_line() noexcept {
    constexpr std::string_view k_clear = "\r\033[K";
    // The C library's streams are not for signal handlers.
    const auto* const text = k_clear.data();
    (void)!::write(STDERR_FILENO, text, k_clear.size());  // tidy-allow(syscall): a terminal only
}

FullScreen::FullScreen() {
    if (tcgetattr(STDIN_FILENO, &before_) == 0) {
        auto keys = before_;
        keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        // Stopped, it would leave the shell a terminal like this.
        keys.c_cc[VSUSP] = _POSIX_VDISABLE;
        is_changed_ = tcsetattr(STDIN_FILENO, TCSADRAIN, &keys) == 0;
    }
    std::fputs("\033[?1049h\033[?25l", stdout);
}

FullScreen::~FullScreen() {
    std::fputs("\033[?25h\033[?1049l", stdout);
    (void)std::fflush(stdout);
    if (is_changed_) (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

Key FullScreen::wait_for_key(std::chrono::milliseconds timeout) const {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (poll(&input, 1, static_cast<int>(timeout.count())) <= 0) return Key::none;
    char key = 0;
    if (read(STDIN_FILENO, &key, 1) != 1) return Key::end;
    return key == 'q' || key == 'Q' ? Key::quit : Key::other;
}

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

bool shows_colours(Stream stream) {
    if (!variable("NO_COLOR").empty() || !is_terminal(stream)) return false;
    return variable("TERM") != "dumb";
}

bool is_gone(const std::filesystem::path& path) {
    std::error_code error;
    const auto found = std::filesystem::status(path, error);  // tidy-allow(filesystem): a hint only
    return found.type() == std::filesystem::file_type::not_found;
}

bool is_folder(const std::filesystem::path& path) {
    std::error_code error;
    return fs::is_directory(path, error);  // tidy-allow(filesystem): not a larder's
}

bool is_saved_model(const std::filesystem::path& folder) {
    std::error_code error;
    return fs::exists(folder / "saved_model.pb", error);  // tidy-allow(filesystem): not a larder's
}

std::vector<std::string> models_beside(const std::filesystem::path& path) {
    std::vector<std::string> models;
    std::error_code error;
    if (!is_folder(path)) {
        auto graph = path;
        graph.replace_extension(".xml");
        const bool is_there = fs::exists(graph, error);  // tidy-allow(filesystem): not a larder's
        if (is_there) models.push_back(graph.string());
        return models;
    }
    constexpr std::size_t k_models_max = 10;
    static const std::set<std::string> k_models{".xml", ".onnx", ".gguf", ".tflite", ".pdmodel"};
    fs::directory_iterator file(path, error);  // tidy-allow(filesystem): not a larder's
    for (; !error && file != end(file); file.increment(error)) {
        if (k_models.contains(file->path().extension())) models.push_back(file->path().string());
    }
    std::ranges::sort(models);
    models.resize(std::min(models.size(), k_models_max));
    return models;
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

std::vector<std::string> library_folders() {
    std::vector<std::string> folders;
    void* const self = dlopen(own_library().c_str(), RTLD_LAZY | RTLD_NOLOAD);
    Dl_serinfo head{};
    if (self == nullptr || dlinfo(self, RTLD_DI_SERINFOSIZE, &head) != 0) return folders;
    std::vector<std::max_align_t> room(head.dls_size / sizeof(std::max_align_t) + 1);
    auto* const info = reinterpret_cast<Dl_serinfo*>(room.data());
    *info = head;
    if (dlinfo(self, RTLD_DI_SERINFO, info) != 0) return folders;
    for (unsigned i = 0; i < info->dls_cnt; ++i) {
        folders.emplace_back(static_cast<Dl_serpath*>(info->dls_serpath)[i].dls_name);
    }
    return folders;
}

std::string library_beside(const std::string& name) {
    return absolute(own_library()).replace_filename(name).string();
}

std::string preload_library() {
    auto path = library_beside("liblarder_preload.so");
    std::error_code error;
    const bool there = fs::exists(path, error);  // tidy-allow(filesystem): a name only
    return there ? path : std::string{};
}

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code error;
    fs::directory_iterator entry(folder, error);  // tidy-allow(filesystem): names only
    for (; !error && entry != end(entry); entry.increment(error)) {
        names.push_back(entry->path().filename().string());
    }
    std::ranges::sort(names);
    return names;
}

fs::path real_path(const fs::path& path) {
    std::error_code error;
    auto real = fs::canonical(path, error);  // tidy-allow(filesystem): not a larder's
    return error ? path : real;
}

std::string plain_path_of(const std::string& library, const std::vector<fs::path>& folders,
                          std::string& why) {
    const fs::path path(library);
    auto places = folders;
    places.emplace_back("/tmp/larder-" + std::to_string(geteuid()));
    const auto name = std::to_string(std::hash<std::string>{}(path.parent_path().string()));
    for (const auto& place : places) {
        if (has_separator(place.string())) continue;
        if (make_private(place, why) && make_link(path.parent_path(), place / name, why)) {
            return (place / name / path.filename()).string();
        }
    }
    return {};
}

bool load(const std::string& library, std::string& error) {
    if (dlopen(library.c_str(), RTLD_LAZY | RTLD_LOCAL) != nullptr) return true;
    const char* const text = dlerror();
    error = text == nullptr ? "'" + library + "' cannot be loaded" : text;
    return false;
}

void* function_of(const std::string& library, const char* name, std::string& error) {
    void* const opened = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    void* const found = opened == nullptr ? nullptr : dlsym(opened, name);
    if (found != nullptr) return found;
    const char* const text = dlerror();
    error = text == nullptr ? "'" + library + "' is of another version" : text;
    return nullptr;
}

int replace_by(const std::vector<std::string>& command) {
    std::vector<char*> words;
    words.reserve(command.size() + 1);
    for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    execvp(words.front(), words.data());
    return errno;
}

long process_id() { return getpid(); }

std::string own_program() {
    const auto path = real_path("/proc/self/exe");
    if (path != "/proc/self/exe") return path.string();
    // Without /proc, the kernel still tells by which path the program was started.
    const auto address = getauxval(AT_EXECFN);
    if (address == 0) return library_beside("../bin/larder");
    // NOLINTNEXTLINE(performance-no-int-to-ptr): that is how the kernel passes it
    return absolute(reinterpret_cast<const char*>(address)).string();
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
