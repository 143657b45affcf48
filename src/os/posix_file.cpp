#include "os/posix_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os/address_space.h"
#include "os/page_size.h"
#include "os/residency.h"

// Linux 5.14; older headers lack it.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

namespace larder::internal::os {
namespace {

// Linux transfers at most this much in one call, whatever the request.
constexpr std::size_t k_transfer_bytes_max = std::size_t{1} << 30;

std::int64_t nanoseconds(const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

class PosixMapping final : public Mapping {
public:
    PosixMapping(void* address, std::size_t size_bytes, bool is_owner)
        : address_(address), size_bytes_(size_bytes), is_owner_(is_owner) {}
    PosixMapping(const PosixMapping&) = delete;
    PosixMapping& operator=(const PosixMapping&) = delete;
    ~PosixMapping() override {
        if (size_bytes_ != 0) ::munmap(address_, size_bytes_);
    }

    std::span<const std::byte> bytes() const override {
        return {static_cast<const std::byte*>(address_), size_bytes_};
    }
    void drop_resident() noexcept override {
        if (size_bytes_ != 0) ::madvise(address_, size_bytes_, MADV_DONTNEED);
    }
    bool is_cached(std::uint64_t offset, std::uint64_t size_bytes) const noexcept override {
        // For other users the kernel reports every page as present.
        if (!is_owner_ || size_bytes == 0 || offset >= size_bytes_) return false;
        const auto last = offset + std::min<std::uint64_t>(size_bytes, size_bytes_ - offset) - 1;
        const auto* const begin = static_cast<const std::byte*>(address_);
        const auto is_there = [&](std::uint64_t at) {
            return is_resident(begin + at / page_bytes() * page_bytes());
        };
        return is_there(offset) && is_there(last);
    }

private:
    void* address_;
    std::size_t size_bytes_;
    bool is_owner_;
};

bool fits_offset(std::uint64_t offset, std::size_t size_bytes) {
    constexpr auto k_max = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
    return offset <= k_max && size_bytes <= k_max - offset;
}

// A failed mapping may have left a hole in its place. Restores the content of the file; if that
// fails too, the hole stays: a process without memory then ends, and does not continue with zeros.
void fill_hole(File& file, std::span<std::byte> memory) {
    if (::msync(memory.data(), memory.size(), MS_ASYNC) == 0) return;
    void* const fresh =
        ::mmap(nullptr, memory.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED) return;
    const bool is_read =
        file.read_at(0, {static_cast<std::byte*>(fresh), memory.size()}).has_value();
    if (is_read && ::mremap(fresh, memory.size(), memory.size(), MREMAP_MAYMOVE | MREMAP_FIXED,
                            memory.data()) != MAP_FAILED) {
        return;
    }
    ::munmap(fresh, memory.size());
}

}  // namespace

FileInfo to_file_info(const struct stat& status) {
    FileInfo info;
    info.stamp.device = status.st_dev;
    info.stamp.inode = status.st_ino;
    info.stamp.size_bytes = static_cast<std::uint64_t>(status.st_size);
    info.stamp.mtime_ns = nanoseconds(status.st_mtim);
    info.stamp.ctime_ns = nanoseconds(status.st_ctim);
    if (S_ISREG(status.st_mode)) info.kind = FileKind::regular;
    if (S_ISDIR(status.st_mode)) info.kind = FileKind::directory;
    if (S_ISLNK(status.st_mode)) info.kind = FileKind::symlink;
    info.mode = status.st_mode & 07777U;
    info.owner = status.st_uid;
    info.links = status.st_nlink;
    info.allocated_bytes = static_cast<std::uint64_t>(status.st_blocks) * 512;
    return info;
}

PosixFile::PosixFile(PosixCalls& calls, int descriptor, std::string path)
    : calls_(calls), descriptor_(descriptor), path_(std::move(path)) {}

PosixFile::~PosixFile() {
    crash_mark_.reset();
    // Closing alone would leave the lock with a child that has the file open; and a child must not
    // release the lock of its parent.
    if (lock_owner_ != 0 && lock_owner_ == ::getpid()) {
        struct flock lock{};
        lock.l_type = F_UNLCK;
        lock.l_whence = SEEK_SET;
        ::fcntl(descriptor_, F_OFD_SETLK, &lock);
    }
    locked_.forget();
    ::close(descriptor_);
}

Result<void> PosixFile::read_at(std::uint64_t offset, std::span<std::byte> buffer) {
    if (!fits_offset(offset, buffer.size())) return fail(Errc::damaged, "file is too short", path_);
    while (!buffer.empty()) {
        const auto wanted = std::min(buffer.size(), k_transfer_bytes_max);
        const ssize_t count =
            calls_.pread(descriptor_, buffer.data(), wanted, static_cast<off_t>(offset));
        if (count < 0) {
            if (errno == EINTR) continue;
            return fail(Error::from_errno("cannot read", path_));
        }
        if (count == 0) return fail(Errc::damaged, "file is too short", path_);
        buffer = buffer.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

Result<void> PosixFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    if (!fits_offset(offset, bytes.size())) {
        return fail(Error::from_errno("cannot write", path_, EFBIG));
    }
    while (!bytes.empty()) {
        const auto wanted = std::min(bytes.size(), k_transfer_bytes_max);
        const ssize_t count =
            calls_.pwrite(descriptor_, bytes.data(), wanted, static_cast<off_t>(offset));
        if (count < 0) {
            if (errno == EINTR) continue;
            return fail(Error::from_errno("cannot write", path_));
        }
        if (count == 0) return fail(Error::from_errno("cannot write", path_, EIO));
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

void PosixFile::begin_sync() noexcept {
    // Reports no error of the disk, and hides none from `sync`.
    static_cast<void>(::sync_file_range(descriptor_, 0, 0, SYNC_FILE_RANGE_WRITE));
}

Result<void> PosixFile::sync() {
    while (calls_.fsync(descriptor_) != 0) {
        // An interruption is no failure: no page was dropped.
        if (errno != EINTR) return fail(Error::from_errno("cannot sync", path_));
    }
    return {};
}

Result<void> PosixFile::set_mode(std::uint32_t mode) {
    if (::fchmod(descriptor_, mode) != 0) {
        return fail(Error::from_errno("cannot change the mode of", path_));
    }
    return {};
}

Result<void> PosixFile::set_owner(std::uint32_t owner) {
    if (::fchown(descriptor_, owner, static_cast<gid_t>(-1)) != 0) {
        return fail(Error::from_errno("cannot change the owner of", path_));
    }
    return {};
}

void PosixFile::mark_on_crash(Crashes crashes) {
    crash_mark_ = CrashMark::place(descriptor_, crashes);
}

Result<FileInfo> PosixFile::info() {
    struct stat status{};
    if (::fstat(descriptor_, &status) != 0) {
        return fail(Error::from_errno("cannot examine", path_));
    }
    return to_file_info(status);
}

Result<void> PosixFile::try_lock(LockMode mode) {
    keep_from_children();
    struct flock lock{};
    lock.l_type = mode == LockMode::shared ? F_RDLCK : F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(descriptor_, F_OFD_SETLK, &lock) != 0) {
        // POSIX allows either for a lock with another holder.
        if (errno == EACCES) errno = EAGAIN;
        return fail(Error::from_errno("cannot lock", path_));
    }
    lock_owner_ = ::getpid();
    return {};
}

Result<bool> PosixFile::is_locked() {
    struct flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(descriptor_, F_OFD_GETLK, &lock) != 0) {
        return fail(Error::from_errno("cannot examine the lock of", path_));
    }
    return lock.l_type != F_UNLCK;
}

Result<std::shared_ptr<Mapping>> PosixFile::map(std::uint64_t size_bytes) {
    const auto status = info();
    if (!status) return fail(status.error());
    if (status->stamp.size_bytes < size_bytes) {
        return fail(Errc::damaged, "file is too short", path_);
    }
    if (size_bytes == 0) return std::make_shared<PosixMapping>(nullptr, 0, false);
    void* address = ::mmap(nullptr, size_bytes, PROT_READ, MAP_SHARED, descriptor_, 0);
    if (address == MAP_FAILED) return fail(Error::from_errno("cannot map", path_));
    return std::make_shared<PosixMapping>(address, size_bytes, ::geteuid() == status->owner);
}

Result<void> PosixFile::map_at(void* address, std::uint64_t offset, std::uint64_t size_bytes) {
    if (::mmap(address, size_bytes, PROT_READ, MAP_SHARED | MAP_FIXED, descriptor_,
               static_cast<off_t>(offset)) == MAP_FAILED) {
        return fail(Error::from_errno("cannot map", path_));
    }
    return {};
}

Result<bool> PosixFile::holds(std::span<const std::byte> bytes) {
    // Reads instead of mapping: a file that is truncated meanwhile gives an error, and no signal.
    constexpr std::size_t k_piece_bytes = std::size_t{256} << 10;
    const auto status = info();
    if (!status) return fail(status.error());
    if (status->stamp.size_bytes < bytes.size()) return false;
    std::vector<std::byte> piece(std::min(k_piece_bytes, bytes.size()));
    for (std::size_t at = 0; at < bytes.size(); at += piece.size()) {
        const auto wanted = bytes.subspan(at, std::min(piece.size(), bytes.size() - at));
        if (auto read = read_at(at, std::span(piece).first(wanted.size())); !read) {
            return fail(std::move(read.error()));
        }
        if (std::memcmp(wanted.data(), piece.data(), wanted.size()) != 0) return false;
    }
    return true;
}

Result<bool> PosixFile::replace_memory(std::span<std::byte> memory) {
    if (memory.empty()) return false;
    auto same = holds(memory);
    if (!same || !*same) return same;
    if (::mmap(memory.data(), memory.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
               descriptor_, 0) == MAP_FAILED) {
        auto error = Error::from_errno("cannot map", path_);
        fill_hole(*this, memory);
        return fail(std::move(error));
    }
    // Only advice: if the file system has huge pages, the file is mapped in them, and all at once.
    (void)::madvise(memory.data(), memory.size(), MADV_HUGEPAGE);
    (void)::madvise(memory.data(), memory.size(), MADV_POPULATE_READ);
    return true;
}

Result<void> PosixFile::make_private(std::span<std::byte> memory) {
    // The kernel's numbers of the file may differ from those of `stat`: a mapping shows them.
    const auto probe = map(1);
    if (!probe) return fail(probe.error());
    const auto mappings = ProcAddressSpace().file_mappings();
    if (!mappings) return fail(mappings.error());
    const auto* const known = (*probe)->bytes().data();
    const auto itself = std::ranges::find_if(*mappings, [&](const FileMapping& one) {
        return !one.memory.empty() && known >= one.memory.data() && known <= &one.memory.back();
    });
    if (itself == mappings->end())
        return fail(Errc::unsupported, "cannot find a mapping of", path_);
    for (const auto& mapping : *mappings) {
        if (mapping.device != itself->device || mapping.inode != itself->inode) continue;
        if (mapping.sharing != Sharing::copied_on_write) continue;
        const auto offset = [&](const std::byte* address) {
            return std::clamp<std::ptrdiff_t>(address - memory.data(), 0, std::ssize(memory));
        };
        const auto begin = offset(mapping.memory.data());
        const auto end = offset(mapping.memory.data() + mapping.memory.size());
        if (begin == end) continue;
        if (::madvise(memory.data() + begin, static_cast<std::size_t>(end - begin),
                      MADV_POPULATE_WRITE) != 0) {
            return fail(Error::from_errno("cannot keep the content of", path_));
        }
    }
    return {};
}

bool can_make_private() {
    void* const page =
        ::mmap(nullptr, page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return false;
    const bool can = ::madvise(page, page_bytes(), MADV_POPULATE_WRITE) == 0;
    ::munmap(page, page_bytes());
    return can;
}

Result<std::unique_ptr<File>> PosixFile::reopen() {
    const auto self = "/proc/self/fd/" + std::to_string(descriptor_);
    while (true) {
        const int descriptor = calls_.open(self.c_str(), O_RDONLY | O_CLOEXEC, 0);
        if (descriptor >= 0) return std::make_unique<PosixFile>(calls_, descriptor, path_);
        if (errno != EINTR) return fail(Error::from_errno("cannot open again", path_));
    }
}

// A plain read fills large folios, whereas MADV_WILLNEED and readahead fill single pages:
// it costs less CPU, also for later accesses through a mapping. The request is large, so that the
// kernel's own limit (128 KiB on many devices) does not apply; the buffer is small, so that the
// copy stays in the CPU's cache.
void PosixFile::read_ahead(std::uint64_t offset, std::uint64_t size_bytes) noexcept {
    constexpr std::size_t k_request_bytes = std::size_t{4} << 20;
    std::array<std::byte, std::size_t{64} << 10> buffer;
    std::array<iovec, k_request_bytes / buffer.size()> parts{};
    parts.fill({buffer.data(), buffer.size()});
    while (size_bytes > 0 && fits_offset(offset, k_request_bytes)) {
        auto bytes = std::min<std::uint64_t>(k_request_bytes, size_bytes);
        const auto at = static_cast<off_t>(offset);
        const auto count = static_cast<int>((bytes + buffer.size() - 1) / buffer.size());
        const ssize_t done = ::preadv(descriptor_, parts.data(), count, at);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return;
        bytes = std::min(bytes, static_cast<std::uint64_t>(done));
        offset += bytes;
        size_bytes -= bytes;
    }
}

}  // namespace larder::internal::os
