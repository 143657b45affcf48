// Memory of this process alone that is filled once and then read, as a mapped file is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "os/file_system.h"

namespace larder::internal::os {

class Reservation;

class PrivateMemory {
public:
    // Taken as it is filled, in huge pages where the kernel has them; zeros until then.
    [[nodiscard]] static Result<PrivateMemory> reserve(std::uint64_t size_bytes);

    PrivateMemory(PrivateMemory&&) noexcept;
    PrivateMemory& operator=(PrivateMemory&&) = delete;
    PrivateMemory(const PrivateMemory&) = delete;
    PrivateMemory& operator=(const PrivateMemory&) = delete;
    ~PrivateMemory();

    // Several threads may fill parts of it at once. Begins where a huge page does.
    [[nodiscard]] std::span<std::byte> bytes() const;
    // From here on it can only be read. There is no file to read it from again: drop_resident does
    // nothing.
    [[nodiscard]] Result<std::shared_ptr<Mapping>> seal() &&;

private:
    PrivateMemory(std::unique_ptr<Reservation> memory, std::uint64_t size_bytes);

    std::unique_ptr<Reservation> memory_;
    std::uint64_t size_bytes_;
};

}  // namespace larder::internal::os
