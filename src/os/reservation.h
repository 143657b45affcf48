// Address space that is filled later. Private to os/.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace larder::internal::os {

// Anonymous and writable until it is protected; a page takes memory once it is written to.
class Reservation {
public:
    explicit Reservation(std::uint64_t size_bytes);
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;
    ~Reservation();

    [[nodiscard]] bool is_usable() const;
    // Where huge pages begin; `size_bytes` from there on are reserved.
    [[nodiscard]] std::byte* begin() const;
    // For a range that is about to be filled, counted from begin(): huge pages, where the kernel
    // has them and one fits in.
    void advise_huge_pages(std::uint64_t begin, std::uint64_t end) const noexcept;
    // From here on it can only be read.
    [[nodiscard]] Result<void> protect();

private:
    void* address_;
    std::uint64_t size_bytes_;
};

}  // namespace larder::internal::os
