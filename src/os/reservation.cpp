#include "os/reservation.h"

#include <sys/mman.h>

#include "os/page_size.h"

namespace larder::internal::os {

Reservation::Reservation(std::uint64_t size_bytes, std::uint64_t in_huge_page)
    : in_huge_page_(in_huge_page % k_huge_page_bytes), size_bytes_(size_bytes + k_huge_page_bytes) {
    address_ = ::mmap(nullptr, size_bytes_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

Reservation::~Reservation() {
    if (is_usable()) ::munmap(address_, size_bytes_);
}

bool Reservation::is_usable() const { return address_ != MAP_FAILED; }

std::byte* Reservation::begin() const {
    const auto has = reinterpret_cast<std::uintptr_t>(address_) % k_huge_page_bytes;
    return static_cast<std::byte*>(address_) +
           (in_huge_page_ + k_huge_page_bytes - has) % k_huge_page_bytes;
}

void Reservation::advise_huge_pages(std::uint64_t begin, std::uint64_t end) const noexcept {
    if (end < begin + k_huge_page_bytes) return;
    const auto page = begin / page_bytes() * page_bytes();
    ::madvise(this->begin() + page, end - page, MADV_HUGEPAGE);
}

Result<void> Reservation::protect() {
    if (::mprotect(address_, size_bytes_, PROT_READ) == 0) return {};
    return fail(Error::from_errno("cannot protect", "a blob"));
}

}  // namespace larder::internal::os
