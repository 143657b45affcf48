// The C library's allocator, under a sanitizer that brings another.
#pragma once

#include <string_view>

namespace larder::internal::support {

// Sanitizers bring allocators of their own. ThreadSanitizer also calls a comparison of memory with
// a file, while others may write to it, a race, and rightly so.
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
// As another library would that has got hold of its memory.
void free_by_c_library(void* block);

}  // namespace larder::internal::support
