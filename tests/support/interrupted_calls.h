// System calls with interruptions and short transfers.
#pragma once

#include <atomic>
#include <cstdint>

#include "os/posix_calls.h"

namespace larder::internal::support {

// Every call is interrupted once before it is made, and no transfer moves more than `transfer_max`
// bytes. Thread-safe.
class InterruptedCalls final : public os::PosixCalls {
public:
    explicit InterruptedCalls(std::size_t transfer_max) : transfer_max_(transfer_max) {}

    int open(const char* path, int flags, mode_t mode) override;
    ssize_t pread(int descriptor, void* buffer, std::size_t size_bytes, off_t offset) override;
    ssize_t pwrite(int descriptor, const void* bytes, std::size_t size_bytes,
                   off_t offset) override;
    int fsync(int descriptor) override;

    [[nodiscard]] std::uint64_t interruptions() const { return interruptions_; }

private:
    // Every second time.
    bool interrupt();

    std::size_t transfer_max_;
    std::atomic<std::uint64_t> turn_{0};
    std::atomic<std::uint64_t> interruptions_{0};
};

// Never waits for the disk: for tests in which no power is lost, or only a simulated one.
class UnsyncedCalls final : public os::PosixCalls {
public:
    int fsync(int descriptor) override;
};

}  // namespace larder::internal::support
