#include "os/posix_calls.h"

#include <fcntl.h>
#include <unistd.h>

#include "os/file_size_limit.h"

namespace larder::internal::os {

int PosixCalls::open(const char* path, int flags, mode_t mode) { return ::open(path, flags, mode); }

ssize_t PosixCalls::pread(int descriptor, void* buffer, std::size_t size_bytes, off_t offset) {
    return ::pread(descriptor, buffer, size_bytes, offset);
}

ssize_t PosixCalls::pwrite(int descriptor, const void* bytes, std::size_t size_bytes,
                           off_t offset) {
    const FileSizeLimitGuard guard;
    return ::pwrite(descriptor, bytes, size_bytes, offset);
}

int PosixCalls::fsync(int descriptor) { return ::fsync(descriptor); }

PosixCalls& real_posix_calls() {
    // Never destroyed: threads may continue while the process ends.
    static auto* const k_calls = new PosixCalls;
    return *k_calls;
}

}  // namespace larder::internal::os
