#include "os/file_users.h"

#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

namespace larder::internal::os {
namespace {

namespace fs = std::filesystem;

std::string program_of(const fs::path& process) {
    std::ifstream file(process / "comm");
    std::string name;
    std::getline(file, name);
    return name;
}

// Since the epoch; 0 where it cannot be told.
std::int64_t started_at_ns(const fs::path& process) {
    std::ifstream file(process / "stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    // Its name, in brackets, may hold anything.
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos) return 0;
    std::istringstream fields(text.substr(name_end + 1));
    constexpr int k_before_start = 19;  // from the third on, which follows the name
    std::string skipped;
    for (int i = 0; i < k_before_start; ++i) fields >> skipped;
    double ticks = 0;
    double up_seconds = 0;
    std::ifstream("/proc/uptime") >> up_seconds;
    const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
    if (!(fields >> ticks) || up_seconds <= 0 || ticks_per_second <= 0) return 0;
    const std::chrono::duration<double> age(up_seconds - ticks / ticks_per_second);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now - age).count();
}

std::optional<FileIdentity> opened_for_writing(const fs::path& descriptor) {
    struct stat link{};
    struct stat file{};
    // The link's own mode says how it was opened.
    if (::lstat(descriptor.c_str(), &link) != 0 || (link.st_mode & S_IWUSR) == 0) return {};
    if (::stat(descriptor.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return {};
    return FileIdentity{file.st_dev, file.st_ino};
}

}  // namespace

std::multimap<FileIdentity, FileUser> read_users_of(const std::vector<FileIdentity>& files) {
    std::multimap<FileIdentity, FileUser> users;
    if (files.empty()) return users;
    std::error_code error;
    fs::directory_iterator process("/proc", error);
    for (; !error && process != fs::directory_iterator(); process.increment(error)) {
        const auto name = process->path().filename().string();
        std::int64_t number = 0;
        const auto [end, status] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (status != std::errc{} || end != name.data() + name.size()) continue;
        std::set<FileIdentity> open;
        // A process that ended meanwhile, or is another user's, has none to be seen.
        std::error_code hidden;
        fs::directory_iterator descriptor(process->path() / "fd", hidden);
        for (; !hidden && descriptor != fs::directory_iterator(); descriptor.increment(hidden)) {
            if (const auto file = opened_for_writing(descriptor->path())) open.insert(*file);
        }
        for (const auto& file : files) {
            if (!open.contains(file)) continue;
            users.emplace(file, FileUser{number, program_of(process->path()),
                                         started_at_ns(process->path())});
        }
    }
    return users;
}

}  // namespace larder::internal::os
