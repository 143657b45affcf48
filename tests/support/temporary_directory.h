// A directory that exists for one test.
#pragma once

#include <filesystem>
#include <string>

namespace larder::internal::support {

class TemporaryDirectory {
public:
    // Under TMPDIR; `where` puts it elsewhere.
    explicit TemporaryDirectory(const std::filesystem::path& where = {});
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::string operator/(const std::string& name) const {
        return (path_ / name).string();
    }

private:
    std::filesystem::path path_;
};

// A memory file system if there is one, for tests that sync often.
[[nodiscard]] std::filesystem::path fast_directory();

// The whole content of a file; fails the test if it cannot be read.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& content);
// XORs one byte.
void flip_byte(const std::filesystem::path& path, std::size_t offset);
// Every regular file below, relative, in order.
[[nodiscard]] std::string tree_of(const std::filesystem::path& directory);

}  // namespace larder::internal::support
