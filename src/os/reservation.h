// Address space that is filled later. Private to os/.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace larder::internal::os {

inline constexpr std::uint64_t k_huge_page_bytes = std::uint64_t{2} << 20;

// Anonymous memory, writable until it is protected; a page takes memory once it is written to.
class Reservation {
public:
    // Its beginning lies `in_huge_page` bytes, whole pages, after that of a huge page.
    Reservation(std::uint64_t size_bytes, std::uint64_t in_huge_page);
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;
    ~Reservation();

    [[nodiscard]] bool is_usable() const;
    // `size_bytes` from there on are reserved.
    [[nodiscard]] std::byte* begin() const;
    // For a range that is about to be filled, relative to begin(): asks for huge pages, if the
    // kernel has them and one fits in.
    void advise_huge_pages(std::uint64_t begin, std::uint64_t end) const noexcept;
    // Makes the memory read-only.
    [[nodiscard]] Result<void> protect();

private:
    void* address_;
    std::uint64_t in_huge_page_;
    std::uint64_t size_bytes_;
};

}  // namespace larder::internal::os
