#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os/file_system.h"
#include "os/locked_descriptors.h"
#include "os/posix_calls.h"
#include "os/posix_file.h"

namespace larder::internal::os {
namespace {

int open_flags(OpenMode how) {
    switch (how) {
        case OpenMode::read: return O_RDONLY;
        case OpenMode::read_write: return O_RDWR;
        case OpenMode::create_exclusive: return O_RDWR | O_CREAT | O_EXCL;
        // No other user may decide, by a link in its place, which file is written to.
        case OpenMode::create_or_open: return O_RDWR | O_CREAT | O_NOFOLLOW;
    }
    return O_RDONLY;
}

FileKind kind_of(const dirent& entry, int directory) {
    switch (entry.d_type) {
        case DT_REG: return FileKind::regular;
        case DT_DIR: return FileKind::directory;
        case DT_LNK: return FileKind::symlink;
        case DT_UNKNOWN: break;
        default: return FileKind::other;
    }
    struct stat status{};
    if (::fstatat(directory, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return FileKind::other;
    }
    return to_file_info(status).kind;
}

Locality locality_of(long type) {
    constexpr long k_nfs = NFS_SUPER_MAGIC;
    constexpr long k_smb = SMB_SUPER_MAGIC;
    constexpr long k_smb2 = 0xfe534d42;
    constexpr long k_cifs = 0xff534d42;
    constexpr long k_ceph = 0x00c36400;
    constexpr long k_afs = AFS_SUPER_MAGIC;
    constexpr long k_lustre = 0x0bd00bd0;
    constexpr long k_9p = V9FS_MAGIC;
    constexpr long k_fuse = FUSE_SUPER_MAGIC;
    constexpr long k_gpfs = 0x47504653;
    constexpr long k_beegfs = 0x19830326;
    constexpr long k_gfs2 = 0x01161970;
    constexpr long k_ocfs2 = 0x7461636f;
    constexpr long k_orangefs = 0x20030528;
    constexpr long k_tmpfs = TMPFS_MAGIC;
    constexpr long k_ramfs = RAMFS_MAGIC;
    if (type == k_tmpfs || type == k_ramfs) return Locality::memory;
    for (const long network : {k_nfs, k_smb, k_smb2, k_cifs, k_ceph, k_afs, k_lustre, k_9p, k_fuse,
                               k_gpfs, k_beegfs, k_gfs2, k_ocfs2, k_orangefs}) {
        if (type == network) return Locality::network;
    }
    return Locality::local;
}

class PosixFileSystem final : public FileSystem {
public:
    explicit PosixFileSystem(PosixCalls& calls) : calls_(calls) {}

    Result<std::unique_ptr<File>> open(const std::string& path, OpenMode how,
                                       std::uint32_t mode) override {
        const ForkWatch forks;
        const int descriptor = open_retrying(path, open_flags(how), mode);
        if (descriptor < 0) {
            const bool creates =
                how == OpenMode::create_exclusive || how == OpenMode::create_or_open;
            return fail(Error::from_errno(creates ? "cannot create" : "cannot open", path));
        }
        auto file = std::make_unique<PosixFile>(calls_, descriptor, path);
        // Only these are locked for longer than a moment.
        if (how == OpenMode::read) return file;
        file->keep_from_children();
        return forks.may_have_forked() ? open_again(std::move(file), descriptor, how)
                                       : std::move(file);
    }

    Result<FileInfo> info(const std::string& path) override {
        struct stat status{};
        if (::stat(path.c_str(), &status) != 0) {
            return fail(Error::from_errno("cannot examine", path));
        }
        return to_file_info(status);
    }

    Result<FileInfo> link_info(const std::string& path) override {
        struct stat status{};
        if (::lstat(path.c_str(), &status) != 0) {
            return fail(Error::from_errno("cannot examine", path));
        }
        return to_file_info(status);
    }

    Result<std::string> canonical(const std::string& path) override {
        const std::unique_ptr<char, decltype(&std::free)> resolved(
            ::realpath(path.c_str(), nullptr), &std::free);
        if (!resolved) return fail(Error::from_errno("cannot find", path));
        return std::string(resolved.get());
    }

    Result<std::shared_ptr<Mapping>> map(File& file, std::uint64_t size_bytes) override {
        // All files come from this class: a decorator passes on the file that it wraps.
        return dynamic_cast<PosixFile&>(file).map(size_bytes);
    }

    Result<std::shared_ptr<Mapping>> map_pieces(std::span<const MapPiece> pieces,
                                                std::uint64_t start_in_page) override {
        return compose(pieces, start_in_page);
    }

    Result<bool> replace_memory(File& file, std::span<std::byte> memory) override {
        return dynamic_cast<PosixFile&>(file).replace_memory(memory);
    }
    Result<void> make_private(File& file, std::span<std::byte> memory) override {
        return dynamic_cast<PosixFile&>(file).make_private(memory);
    }
    bool can_make_private() override { return os::can_make_private(); }

    Result<void> make_directory(const std::string& path) override {
        return check(::mkdir(path.c_str(), 0777), "cannot create the directory", path);
    }

    Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
        const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
        if (!directory) return fail(Error::from_errno("cannot list", path));
        std::vector<DirectoryEntry> entries;
        while (true) {
            errno = 0;
            const dirent* entry = ::readdir(directory.get());
            if (entry == nullptr) break;
            const std::string_view name = entry->d_name;
            if (name == "." || name == "..") continue;
            entries.push_back(
                {std::string(name), kind_of(*entry, ::dirfd(directory.get())), entry->d_ino});
        }
        if (errno != 0) return fail(Error::from_errno("cannot list", path));
        return entries;
    }

    Result<void> sync_directory(const std::string& path) override {
        const int descriptor = open_retrying(path, O_RDONLY | O_DIRECTORY, 0);
        if (descriptor < 0) return fail(Error::from_errno("cannot open", path));
        PosixFile directory(calls_, descriptor, path);
        auto synced = directory.sync();
        // Some network file systems make names durable by themselves, and have no sync of a
        // directory.
        if (!synced && synced.error().system_errno == EINVAL) return {};
        return synced;
    }

    Result<void> rename(const std::string& from, const std::string& to) override {
        return check(::rename(from.c_str(), to.c_str()), "cannot rename to", to);
    }

    Result<void> link(const std::string& from, const std::string& to) override {
        return check(::link(from.c_str(), to.c_str()), "cannot link to", to);
    }

    Result<void> symlink(const std::string& target, const std::string& path) override {
        return check(::symlink(target.c_str(), path.c_str()), "cannot create the link", path);
    }

    Result<void> remove(const std::string& path) override {
        return check(::unlink(path.c_str()), "cannot remove", path);
    }

    Result<void> remove_directory(const std::string& path) override {
        return check(::rmdir(path.c_str()), "cannot remove the directory", path);
    }

    Result<SpaceInfo> space(const std::string& path) override {
        struct statfs status{};
        if (::statfs(path.c_str(), &status) != 0) {
            return fail(Error::from_errno("cannot examine the disk of", path));
        }
        const auto block = static_cast<std::uint64_t>(status.f_bsize);
        static_assert(sizeof status.f_fsid == sizeof(std::uint64_t));
        return SpaceInfo{status.f_blocks * block, status.f_bavail * block,
                         locality_of(static_cast<long>(status.f_type)),
                         std::bit_cast<std::uint64_t>(status.f_fsid)};
    }

    Result<void> touch(const std::string& path) override {
        return check(::utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW),
                     "cannot touch", path);
    }

    Result<void> set_mtime(const std::string& path, std::int64_t mtime_ns) override {
        constexpr std::int64_t k_second_ns = 1'000'000'000;
        // The nanoseconds count forwards even before the epoch.
        const auto ns = (mtime_ns % k_second_ns + k_second_ns) % k_second_ns;
        const timespec times[] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                                  {.tv_sec = (mtime_ns - ns) / k_second_ns, .tv_nsec = ns}};
        return check(::utimensat(AT_FDCWD, path.c_str(), static_cast<const timespec*>(times),
                                 AT_SYMLINK_NOFOLLOW),
                     "cannot set the time of", path);
    }

    Result<void> check_writable(const std::string& path) override {
        return check(::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS),
                     "cannot write to", path);
    }

private:
    // Opens a file once more that a child may have open, too. If that fails, the child keeps the
    // lock of this file until it ends or executes another program.
    std::unique_ptr<PosixFile> open_again(std::unique_ptr<PosixFile> file, int descriptor,
                                          OpenMode how) {
        // A fork takes a few milliseconds.
        constexpr int k_times_max = 100;
        const int flags = open_flags(how) & ~(O_CREAT | O_EXCL | O_NOFOLLOW);
        for (int i = 0; i < k_times_max; ++i) {
            const ForkWatch forks;
            descriptor = open_retrying("/proc/self/fd/" + std::to_string(descriptor), flags, 0);
            if (descriptor < 0) return file;
            file = std::make_unique<PosixFile>(calls_, descriptor, file->path());
            file->keep_from_children();
            if (!forks.may_have_forked()) return file;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return file;
    }
    int open_retrying(const std::string& path, int flags, std::uint32_t mode) {
        while (true) {
            const int descriptor = calls_.open(path.c_str(), flags | O_CLOEXEC, mode);
            if (descriptor >= 0 || errno != EINTR) return descriptor;
        }
    }

    static Result<void> check(int status, const char* what, const std::string& path) {
        if (status != 0) return fail(Error::from_errno(what, path));
        return {};
    }

    PosixCalls& calls_;
};

}  // namespace

std::unique_ptr<FileSystem> make_posix_file_system() {
    return make_posix_file_system(real_posix_calls());
}

std::unique_ptr<FileSystem> make_posix_file_system(PosixCalls& calls) {
    return std::make_unique<PosixFileSystem>(calls);
}

}  // namespace larder::internal::os
