// Files and mappings of the operating system. Private to os/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <sys/stat.h>
#include <sys/types.h>

#include "os/file_system.h"
#include "os/locked_descriptors.h"
#include "os/posix_calls.h"

namespace larder::internal::os {

class PosixFile final : public File {
public:
    // Takes over the descriptor. `calls` must outlive the file.
    PosixFile(PosixCalls& calls, int descriptor, std::string path);
    PosixFile(const PosixFile&) = delete;
    PosixFile& operator=(const PosixFile&) = delete;
    ~PosixFile() override;

    Result<void> read_at(std::uint64_t offset, std::span<std::byte> buffer) override;
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override;
    void begin_sync() noexcept override;
    Result<void> sync() override;
    Result<void> set_mode(std::uint32_t mode) override;
    Result<void> set_owner(std::uint32_t owner) override;
    void mark_on_crash(Crashes crashes) override;
    Result<FileInfo> info() override;
    Result<void> try_lock(LockMode mode) override;
    Result<bool> is_locked() override;
    Result<std::unique_ptr<File>> reopen() override;
    void read_ahead(std::uint64_t offset, std::uint64_t size_bytes) noexcept override;
    const std::string& path() const override { return path_; }

    [[nodiscard]] Result<std::shared_ptr<Mapping>> map(std::uint64_t size_bytes);
    // Maps whole pages in place of the memory at `address`.
    [[nodiscard]] Result<void> map_at(void* address, std::uint64_t offset,
                                      std::uint64_t size_bytes);
    // The file may be locked later: a child made by fork must not have it open.
    void keep_from_children() noexcept { locked_.note(descriptor_); }
    // Does FileSystem::replace_memory.
    [[nodiscard]] Result<bool> replace_memory(std::span<std::byte> memory);
    // Does FileSystem::make_private.
    [[nodiscard]] Result<void> make_private(std::span<std::byte> memory);

private:
    // Tells whether the file begins with these bytes.
    [[nodiscard]] Result<bool> holds(std::span<const std::byte> bytes);

    PosixCalls& calls_;
    int descriptor_;
    std::string path_;
    pid_t lock_owner_ = 0;  // the process that took the lock; 0 without one
    LockedDescriptor locked_;
    std::unique_ptr<CrashMark> crash_mark_;
};

// Does FileSystem::can_make_private.
[[nodiscard]] bool can_make_private();

// Does FileSystem::map_pieces, for files that are PosixFile.
[[nodiscard]] Result<std::shared_ptr<Mapping>> compose(std::span<const MapPiece> pieces,
                                                       std::uint64_t start_in_page);

[[nodiscard]] FileInfo to_file_info(const struct stat& status);

}  // namespace larder::internal::os
