#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "api/convert.h"
#include "api/settings_sources.h"
#include "larder/error.hpp"
#include "larder/options.hpp"
#include "os/file_system.h"
#include "os/system.h"

namespace larder {
namespace {

namespace os = internal::os;

constexpr std::uint64_t k_file_bytes_max = std::uint64_t{1} << 20;

void check_setting(const std::string& name, const std::string& value) {
    const auto is_control = [](unsigned char c) { return c < ' ' || c == 127; };
    if (std::ranges::any_of(value, is_control)) {
        throw Error(ErrorCode::invalid_argument,
                    "the value of '" + name + "' contains control characters", "remove them");
    }
    // Of no other setting: one that cannot be read must not keep this one from being set.
    Options checked;
    api::apply_setting(name, value, checked);
}

bool sets(std::string_view line, std::string_view name) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return false;
    line.remove_prefix(begin);
    if (!line.starts_with(name)) return false;
    const auto sign = line.find_first_not_of(" \t", name.size());
    return sign != std::string_view::npos && line[sign] == '=';
}

// Quotes the value as a basic string of TOML.
std::string line_of(const std::string& name, const std::string& value) {
    std::string line = name + " = \"";
    for (const char c : value) {
        if (c == '"' || c == '\\') line += '\\';
        line += c;
    }
    return line + "\"\n";
}

std::string with_line(std::string_view text, const std::string& name, const std::string& value) {
    std::string changed;
    bool is_set = false;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
        const auto line = text.substr(0, end);
        text.remove_prefix(end);
        if (!sets(line, name)) {
            changed += line;
        } else if (!std::exchange(is_set, true)) {
            changed += line_of(name, value);
        }
    }
    if (!is_set) {
        if (!changed.empty() && changed.back() != '\n') changed += '\n';
        changed += line_of(name, value);
    }
    return changed;
}

// Writes under another name first, so that a concurrent reader finds either the old or the new
// file.
internal::Result<void> write_whole(os::FileSystem& fs, const std::string& path,
                                   const std::string& text) {
    if (auto made = os::make_directories(fs, os::parent_directory(path)); !made) return made;
    const auto fresh = path + "." + std::to_string(os::current_process_id());
    auto file = fs.open(fresh, os::OpenMode::create_exclusive);
    if (!file) return internal::fail(file.error());
    auto done = (*file)->write_at(0, std::as_bytes(std::span(text)));
    if (done) done = (*file)->sync();
    if (done) done = fs.rename(fresh, path);
    if (!done) static_cast<void>(fs.remove(fresh));
    return done;
}

}  // namespace

std::filesystem::path save_setting(const std::string& name, const std::string& value) {
    const auto file = api::user_file();
    if (file.empty()) {
        throw Error(ErrorCode::io, "there is no home directory for settings",
                    "set XDG_CONFIG_HOME or HOME");
    }
    check_setting(name, value);
    const auto fs = os::make_posix_file_system();
    // If the file is a symbolic link, the file that it leads to is replaced, and the link stays.
    const auto real = fs->canonical(file.string());
    const auto path = real ? *real : file.string();
    const auto before = os::read_text(*fs, path, k_file_bytes_max);
    if (!before && before.error().code != internal::Errc::not_found) {
        api::throw_public(before.error());
    }
    api::value_or_throw(write_whole(*fs, path, with_line(before ? *before : "", name, value)));
    return file;
}

}  // namespace larder
