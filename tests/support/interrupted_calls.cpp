#include "support/interrupted_calls.h"

#include <algorithm>
#include <cerrno>

namespace larder::internal::support {

bool InterruptedCalls::interrupt() {
    if (turn_++ % 2 != 0) return false;
    ++interruptions_;
    errno = EINTR;
    return true;
}

int InterruptedCalls::open(const char* path, int flags, mode_t mode) {
    return interrupt() ? -1 : PosixCalls::open(path, flags, mode);
}

ssize_t InterruptedCalls::pread(int descriptor, void* buffer, std::size_t size_bytes,
                                off_t offset) {
    if (interrupt()) return -1;
    return PosixCalls::pread(descriptor, buffer, std::min(size_bytes, transfer_max_), offset);
}

ssize_t InterruptedCalls::pwrite(int descriptor, const void* bytes, std::size_t size_bytes,
                                 off_t offset) {
    if (interrupt()) return -1;
    return PosixCalls::pwrite(descriptor, bytes, std::min(size_bytes, transfer_max_), offset);
}

int InterruptedCalls::fsync(int descriptor) {
    return interrupt() ? -1 : PosixCalls::fsync(descriptor);
}

int UnsyncedCalls::fsync(int /*descriptor*/) { return 0; }

}  // namespace larder::internal::support
