// Private memory of this process, in whole pages, like an allocator gets it from the system.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>

#include <sys/mman.h>

#include "os/page_size.h"

namespace larder::internal::support {

class PrivatePages {
public:
    explicit PrivatePages(std::size_t count, int fill = 0) : size_(count * os::page_bytes()) {
        address_ =
            ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (address_ == MAP_FAILED) throw std::runtime_error("cannot map memory");
        std::memset(address_, fill, size_);
    }
    PrivatePages(const PrivatePages&) = delete;
    PrivatePages& operator=(const PrivatePages&) = delete;
    ~PrivatePages() { ::munmap(address_, size_); }

    [[nodiscard]] std::span<std::byte> bytes() const {
        return {static_cast<std::byte*>(address_), size_};
    }
    [[nodiscard]] std::span<std::byte> page(std::size_t number) const {
        return bytes().subspan(number * os::page_bytes(), os::page_bytes());
    }
    // The first word of a page, which threads may share by std::atomic_ref.
    [[nodiscard]] std::uint64_t& word(std::size_t page_number = 0) const {
        return *reinterpret_cast<std::uint64_t*>(page(page_number).data());
    }

private:
    void* address_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace larder::internal::support
