#include "os/shared_file_system.h"

namespace larder::internal::os {
namespace {

constexpr std::uint32_t k_group_writes = 0020;
constexpr std::uint32_t k_all_write = 0002;
constexpr std::uint32_t k_root = 0;
// Of a user class's three permission bits.
constexpr std::uint32_t k_file = 06;
constexpr std::uint32_t k_directory = 07;

class SharedFileSystem final : public FileSystem {
public:
    explicit SharedFileSystem(FileSystem& fs) : fs_(fs) {}

    Result<std::unique_ptr<File>> open(const std::string& path, OpenMode how,
                                       std::uint32_t mode) override {
        auto file = fs_.open(path, how, mode);
        const bool creates = how == OpenMode::create_exclusive || how == OpenMode::create_or_open;
        // A caller that asks for fewer rights gets only those.
        if (file && creates) {
            share(path, **file, {.group = mode >> 3U & k_file, .others = mode & k_file});
        }
        return file;
    }
    Result<FileInfo> info(const std::string& path) override { return fs_.info(path); }
    Result<FileInfo> link_info(const std::string& path) override { return fs_.link_info(path); }
    Result<std::string> canonical(const std::string& path) override { return fs_.canonical(path); }
    Result<std::shared_ptr<Mapping>> map(File& file, std::uint64_t size_bytes) override {
        return fs_.map(file, size_bytes);
    }
    Result<std::shared_ptr<Mapping>> map_pieces(std::span<const MapPiece> pieces,
                                                std::uint64_t start_in_page) override {
        return fs_.map_pieces(pieces, start_in_page);
    }
    Result<bool> replace_memory(File& file, std::span<std::byte> memory) override {
        return fs_.replace_memory(file, memory);
    }
    Result<void> make_private(File& file, std::span<std::byte> memory) override {
        return fs_.make_private(file, memory);
    }
    bool can_make_private() override { return fs_.can_make_private(); }
    Result<void> make_directory(const std::string& path) override {
        if (auto made = fs_.make_directory(path); !made) return made;
        if (const auto directory = fs_.open(path, OpenMode::read)) {
            share(path, **directory, {.group = k_directory, .others = k_directory});
        }
        return {};
    }
    Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
        return fs_.list(path);
    }
    Result<void> sync_directory(const std::string& path) override {
        return fs_.sync_directory(path);
    }
    Result<void> rename(const std::string& from, const std::string& to) override {
        return fs_.rename(from, to);
    }
    Result<void> link(const std::string& from, const std::string& to) override {
        return fs_.link(from, to);
    }
    Result<void> symlink(const std::string& target, const std::string& path) override {
        return fs_.symlink(target, path);
    }
    Result<void> remove(const std::string& path) override { return fs_.remove(path); }
    Result<void> remove_directory(const std::string& path) override {
        return fs_.remove_directory(path);
    }
    Result<SpaceInfo> space(const std::string& path) override { return fs_.space(path); }
    Result<void> check_writable(const std::string& path) override {
        return fs_.check_writable(path);
    }
    Result<void> touch(const std::string& path) override { return fs_.touch(path); }
    Result<void> set_mtime(const std::string& path, std::int64_t mtime_ns) override {
        return fs_.set_mtime(path, mtime_ns);
    }

private:
    // Three bits for each class.
    struct Rights {
        std::uint32_t group = 0;
        std::uint32_t others = 0;
    };

    // If this fails, the file is another user's, who has done it already.
    void share(const std::string& path, File& file, const Rights& rights) {
        const auto own = file.info();
        const auto above = fs_.info(parent_directory(path));
        if (!own || !above) return;
        auto mode = own->mode;
        if ((above->mode & k_group_writes) != 0) mode |= rights.group << 3U;
        if ((above->mode & k_all_write) != 0) mode |= rights.others;
        if (mode != own->mode) static_cast<void>(file.set_mode(mode));
        // Files that root creates get the directory's owner. An existing file keeps its owner.
        const bool is_new =
            own->kind == FileKind::directory || (own->links == 1 && own->stamp.size_bytes == 0);
        if (own->owner == k_root && above->owner != k_root && is_new) {
            static_cast<void>(file.set_owner(above->owner));
        }
    }

    FileSystem& fs_;
};

}  // namespace

std::unique_ptr<FileSystem> make_shared_file_system(FileSystem& fs) {
    return std::make_unique<SharedFileSystem>(fs);
}

}  // namespace larder::internal::os
