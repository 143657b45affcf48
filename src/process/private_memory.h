// Memory of this process alone that is filled once and then read like a mapped file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "os/file_system.h"

namespace larder::internal::os {
class Reservation;
}

namespace larder::internal::process {

class PrivateMemory {
public:
    // Reserves address space, which reads as zeros and takes no memory until it is prefaulted or
    // filled.
    [[nodiscard]] static Result<PrivateMemory> reserve(std::uint64_t size_bytes);

    PrivateMemory(PrivateMemory&&) noexcept;
    PrivateMemory& operator=(PrivateMemory&&) = delete;
    PrivateMemory(const PrivateMemory&) = delete;
    PrivateMemory& operator=(const PrivateMemory&) = delete;
    ~PrivateMemory();

    // Several threads may fill parts of it at once. Begins at a huge page.
    [[nodiscard]] std::span<std::byte> bytes() const;
    // Prefaults a part of bytes() that is about to be filled, in the kind of pages that is fast
    // (process/prefault.h).
    static void bring_in(std::span<std::byte> part) noexcept;
    // Makes it read-only. There is no file to read it from again: drop_resident does nothing.
    [[nodiscard]] Result<std::shared_ptr<os::Mapping>> seal() &&;

private:
    PrivateMemory(std::unique_ptr<os::Reservation> memory, std::uint64_t size_bytes);

    std::unique_ptr<os::Reservation> memory_;
    std::uint64_t size_bytes_;
};

}  // namespace larder::internal::process
