// The raw system calls that a signal can interrupt or that may transfer less than requested.
// Virtual, so that tests can interrupt and shorten them.
#pragma once

#include <cstddef>
#include <memory>

#include <sys/types.h>

#include "os/file_system.h"

namespace larder::internal::os {

// Each does what the system call of its name does: -1 and errno on failure. Thread-safe.
class PosixCalls {
public:
    PosixCalls() = default;
    PosixCalls(const PosixCalls&) = delete;
    PosixCalls& operator=(const PosixCalls&) = delete;
    virtual ~PosixCalls() = default;

    [[nodiscard]] virtual int open(const char* path, int flags, mode_t mode);
    [[nodiscard]] virtual ssize_t pread(int descriptor, void* buffer, std::size_t size_bytes,
                                        off_t offset);
    [[nodiscard]] virtual ssize_t pwrite(int descriptor, const void* bytes, std::size_t size_bytes,
                                         off_t offset);
    [[nodiscard]] virtual int fsync(int descriptor);
};

[[nodiscard]] PosixCalls& real_posix_calls();
// `calls` must outlive the file system and every file that it opens.
[[nodiscard]] std::unique_ptr<FileSystem> make_posix_file_system(PosixCalls& calls);

}  // namespace larder::internal::os
