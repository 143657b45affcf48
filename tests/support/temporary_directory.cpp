#include "support/temporary_directory.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <vector>

#include <unistd.h>

namespace larder::internal::support {

namespace stdfs = std::filesystem;

TemporaryDirectory::TemporaryDirectory(const stdfs::path& where) {
    const auto parent = where.empty() ? stdfs::temp_directory_path() : where;
    auto name = (parent / "larder-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create " + name);
    path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    stdfs::remove_all(path_, ignored);
}

stdfs::path fast_directory() {
    const stdfs::path memory = "/dev/shm";
    return ::access(memory.c_str(), W_OK) == 0 ? memory : stdfs::temp_directory_path();
}

std::string read_file(const stdfs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(stream), {}};
}

void write_file(const stdfs::path& path, const std::string& content) {
    std::ofstream stream(path, std::ios::binary | std::ios::trunc);
    stream << content;
    if (!stream.flush()) throw std::runtime_error("cannot write " + path.string());
}

void flip_byte(const stdfs::path& path, std::size_t offset) {
    std::fstream stream(path, std::ios::binary | std::ios::in | std::ios::out);
    char byte = 0;
    stream.seekg(static_cast<std::streamoff>(offset));
    stream.get(byte);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream.put(static_cast<char>(byte ^ 0x10));
    if (!stream.flush()) throw std::runtime_error("cannot damage " + path.string());
}

std::string tree_of(const stdfs::path& directory) {
    std::vector<std::string> names;
    for (const auto& entry : stdfs::recursive_directory_iterator(directory)) {
        if (!entry.is_directory()) names.push_back(entry.path().lexically_relative(directory));
    }
    std::sort(names.begin(), names.end());
    std::string text;
    for (const auto& name : names) text += name + "\n";
    return text;
}

}  // namespace larder::internal::support
