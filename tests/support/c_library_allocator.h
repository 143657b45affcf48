// The C library's allocator, under a sanitizer that brings another.
#pragma once

#include <string_view>

namespace larder::internal::support {

// Sanitizers have allocators of their own. ThreadSanitizer also reports a comparison of memory with
// a file as a race, correctly, if others may write to the memory.
[[nodiscard]] constexpr bool is_address_sanitized() {
#if defined(__SANITIZE_ADDRESS__)
    return true;
#else
    return false;
#endif
}
[[nodiscard]] constexpr bool is_thread_sanitized() {
#if defined(__SANITIZE_THREAD__)
    return true;
#else
    return false;
#endif
}

// A loaded library allocates and frees by the C library's own functions from now on. It must hold
// nothing that it has allocated before.
void allocate_by_c_library(std::string_view library);
// Like another library that has a pointer to its memory.
void free_by_c_library(void* block);

}  // namespace larder::internal::support
