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
    // Takes none before it is brought in or filled; zeros until then.
    [[nodiscard]] static Result<PrivateMemory> reserve(std::uint64_t size_bytes);

    PrivateMemory(PrivateMemory&&) noexcept;
    PrivateMemory& operator=(PrivateMemory&&) = delete;
    PrivateMemory(const PrivateMemory&) = delete;
    PrivateMemory& operator=(const PrivateMemory&) = delete;
    ~PrivateMemory();

    // Several threads may fill parts of it at once. Begins where a huge page does.
    [[nodiscard]] std::span<std::byte> bytes() const;
    // For who is about to fill a part of bytes(): in the kind of pages that is quick
    // (os/prefault.h).
    static void bring_in(std::span<std::byte> part) noexcept;
    // From here on it can only be read. There is no file to read it from again: drop_resident does
    // nothing.
    [[nodiscard]] Result<std::shared_ptr<Mapping>> seal() &&;

private:
    PrivateMemory(std::unique_ptr<Reservation> memory, std::uint64_t size_bytes);

    std::unique_ptr<Reservation> memory_;
    std::uint64_t size_bytes_;
};

}  // namespace larder::internal::os
