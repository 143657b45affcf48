// An allocator for LD_PRELOAD.
#include <cerrno>
#include <cstddef>
#include <cstdlib>

// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* block);
}
// NOLINTEND(bugprone-reserved-identifier)

#pragma GCC visibility push(default)

extern "C" void* malloc(std::size_t size) noexcept { return __libc_malloc(size); }

extern "C" void free(void* block) noexcept { __libc_free(block); }

extern "C" int posix_memalign(void** block, std::size_t alignment, std::size_t size) noexcept {
    if (alignment % sizeof(void*) != 0) return EINVAL;
    *block = __libc_memalign(alignment, size);
    return *block == nullptr ? ENOMEM : 0;
}

#pragma GCC visibility pop
