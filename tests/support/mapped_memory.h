// A part of this process's memory that a test maps like a program.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <stdexcept>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace larder::internal::support {

class MappedMemory {
public:
    // Opens `file` for writing if `protection` or `flags` need it. Maps all of it, from `offset`
    // on.
    explicit MappedMemory(const std::filesystem::path& file, int flags = MAP_SHARED,
                          int protection = PROT_READ, std::size_t offset = 0) {
        const bool writes = flags == MAP_SHARED && (protection & PROT_WRITE) != 0;
        const int descriptor = ::open(file.c_str(), (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        if (descriptor < 0) throw std::runtime_error("cannot open " + file.string());
        size_ = static_cast<std::size_t>(std::filesystem::file_size(file)) - offset;
        address_ =
            ::mmap(nullptr, size_, protection, flags, descriptor, static_cast<off_t>(offset));
        ::close(descriptor);
        if (address_ == MAP_FAILED) throw std::runtime_error("cannot map " + file.string());
    }
    MappedMemory(const MappedMemory&) = delete;
    MappedMemory& operator=(const MappedMemory&) = delete;
    ~MappedMemory() { ::munmap(address_, size_); }

    [[nodiscard]] std::span<const std::byte> bytes() const {
        return {static_cast<const std::byte*>(address_), size_};
    }
    // With any protection, which is restored afterwards.
    void write(std::size_t offset, std::byte value) {
        ::mprotect(address_, size_, PROT_READ | PROT_WRITE);
        static_cast<volatile std::byte*>(address_)[offset] = value;
        ::mprotect(address_, size_, PROT_READ);
    }
    // Like a program that mapped it for writing.
    void store(std::size_t offset, std::byte value) {
        static_cast<volatile std::byte*>(address_)[offset] = value;
    }
    // Reads every page.
    void touch() const {
        for (std::size_t at = 0; at < size_; at += 4096) {
            static_cast<void>(static_cast<const volatile std::byte*>(address_)[at]);
        }
    }

private:
    void* address_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace larder::internal::support
