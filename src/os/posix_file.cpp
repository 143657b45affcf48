#include "os/posix_file.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

namespace larder::internal::os {
namespace {

// Linux moves at most this much in one call, whatever is asked.
constexpr std::size_t k_transfer_bytes_max = std::size_t{1} << 30;

// Below, a mapping is not worth a descriptor of its own to be read ahead with.
constexpr std::size_t k_own_reader_bytes_min = std::size_t{16} << 20;

std::int64_t nanoseconds(const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

class PosixMapping final : public Mapping {
public:
    // Takes over `reader`: a descriptor of the file, or -1.
    PosixMapping(void* address, std::size_t size_bytes, int reader)
        : address_(address), size_bytes_(size_bytes), reader_(reader) {}
    PosixMapping(const PosixMapping&) = delete;
    PosixMapping& operator=(const PosixMapping&) = delete;
    ~PosixMapping() override {
        if (size_bytes_ != 0) ::munmap(address_, size_bytes_);
        if (reader_ >= 0) ::close(reader_);
    }

    std::span<const std::byte> bytes() const override {
        return {static_cast<const std::byte*>(address_), size_bytes_};
    }
    void drop_resident() noexcept override {
        if (size_bytes_ != 0) ::madvise(address_, size_bytes_, MADV_DONTNEED);
    }
    void read_ahead(std::uint64_t offset, std::uint64_t size_bytes) noexcept override {
        const auto range = pages_of(offset, size_bytes);
        if (reader_ < 0) {
            ask_for(range);
        } else {
            read(range);
        }
    }

private:
    // A plain read brings in large folios where MADV_WILLNEED brings in single pages: it costs less
    // CPU, also for whoever goes through the mapping. The request is large, so that the kernel's
    // own limit (128 KiB on many devices) is none; the buffer is small, so that the copy stays in
    // the CPU's cache.
    void read(std::span<const std::byte> range) const noexcept {
        constexpr std::size_t k_request_bytes = std::size_t{4} << 20;
        std::array<std::byte, std::size_t{64} << 10> buffer;
        std::array<iovec, k_request_bytes / buffer.size()> parts{};
        parts.fill({buffer.data(), buffer.size()});
        while (!range.empty()) {
            auto bytes = std::min(k_request_bytes, range.size());
            if (!is_cached(range.first(bytes))) {
                const auto count = static_cast<int>((bytes + buffer.size() - 1) / buffer.size());
                const auto offset = range.data() - this->bytes().data();
                const ssize_t done = ::preadv(reader_, parts.data(), count, offset);
                if (done <= 0 && errno == EINTR) continue;
                if (done <= 0) return;
                bytes = std::min(bytes, static_cast<std::size_t>(done));
            }
            range = range.subspan(bytes);
        }
    }

    void ask_for(std::span<const std::byte> range) const noexcept {
        // More than that is silently not read on many devices.
        constexpr std::size_t k_request_bytes = std::size_t{128} << 10;
        for (; !range.empty(); range = range.subspan(std::min(k_request_bytes, range.size()))) {
            const auto request = range.first(std::min(k_request_bytes, range.size()));
            ::madvise(writable(request), request.size(), MADV_WILLNEED);
        }
    }

    // Judged by its ends: whoever is wrong about the middle waits for it later.
    bool is_cached(std::span<const std::byte> range) const noexcept {
        const auto last = (range.size() - 1) / page_bytes() * page_bytes();
        for (const auto page : {range, range.subspan(last)}) {
            unsigned char state = 0;
            if (::mincore(writable(page), 1, &state) != 0 || (state & 1U) == 0) return false;
        }
        return true;
    }

    // Some calls want a pointer to what they do not write to.
    static void* writable(std::span<const std::byte> range) noexcept {
        return const_cast<std::byte*>(range.data());
    }
    static std::size_t page_bytes() noexcept {
        static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        return bytes;
    }
    // Whole pages that hold the range, as far as it lies in the mapping.
    std::span<const std::byte> pages_of(std::uint64_t offset,
                                        std::uint64_t size_bytes) const noexcept {
        if (offset >= size_bytes_) return {};
        const auto begin = offset / page_bytes() * page_bytes();
        const auto end = offset + std::min<std::uint64_t>(size_bytes, size_bytes_ - offset);
        return bytes().subspan(begin, end - begin);
    }

    void* address_;
    std::size_t size_bytes_;
    int reader_;
};

bool fits_offset(std::uint64_t offset, std::size_t size_bytes) {
    constexpr auto k_max = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
    return offset <= k_max && size_bytes <= k_max - offset;
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
    // Closing alone would leave the lock with a child that was forked meanwhile; a child must not
    // end the lock of its parent.
    if (lock_owner_ != 0 && lock_owner_ == ::getpid()) {
        struct flock lock{};
        lock.l_type = F_UNLCK;
        lock.l_whence = SEEK_SET;
        ::fcntl(descriptor_, F_OFD_SETLK, &lock);
    }
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

Result<void> PosixFile::sync() {
    while (calls_.fsync(descriptor_) != 0) {
        // Interrupted is not failed: no page was dropped.
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

Result<FileInfo> PosixFile::info() {
    struct stat status{};
    if (::fstat(descriptor_, &status) != 0) {
        return fail(Error::from_errno("cannot examine", path_));
    }
    return to_file_info(status);
}

Result<void> PosixFile::try_lock(LockMode mode) {
    struct flock lock{};
    lock.l_type = mode == LockMode::shared ? F_RDLCK : F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(descriptor_, F_OFD_SETLK, &lock) != 0) {
        // POSIX allows either for "somebody else holds it".
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
    if (size_bytes == 0) return std::make_shared<PosixMapping>(nullptr, 0, -1);
    void* address = ::mmap(nullptr, size_bytes, PROT_READ, MAP_SHARED, descriptor_, 0);
    if (address == MAP_FAILED) return fail(Error::from_errno("cannot map", path_));
    // The kernel tells only owners what is in the page cache: all others would read, for nothing,
    // what is there.
    const bool is_told = ::geteuid() == 0 || ::geteuid() == status->owner;
    const int reader = is_told && size_bytes >= k_own_reader_bytes_min ? reopen_descriptor() : -1;
    return std::make_shared<PosixMapping>(address, size_bytes, reader);
}

Result<std::unique_ptr<File>> PosixFile::reopen() {
    const int descriptor = reopen_descriptor();
    if (descriptor < 0) return fail(Error::from_errno("cannot open again", path_));
    return std::make_unique<PosixFile>(calls_, descriptor, path_);
}

int PosixFile::reopen_descriptor() {
    const auto self = "/proc/self/fd/" + std::to_string(descriptor_);
    while (true) {
        const int descriptor = calls_.open(self.c_str(), O_RDONLY | O_CLOEXEC, 0);
        if (descriptor >= 0 || errno != EINTR) return descriptor;
    }
}

}  // namespace larder::internal::os
