#include "support/c_library_allocator.h"

#include <string>

#include <dlfcn.h>
#include <gtest/gtest.h>

#include "process/linkage.h"

namespace larder::internal::support {

namespace {

void* function_of_c_library(std::string_view name) {
    void* const library = ::dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    void* const function = ::dlsym(library, std::string(name).c_str());
    EXPECT_NE(function, nullptr) << ::dlerror();
    ::dlclose(library);
    return function;
}

}  // namespace

void allocate_by_c_library(std::string_view library) {
    for (const auto& loaded : process::LoadedLibrary::find(library)) {
        for (const auto& slot : process::find_import_slots(
                 loaded, {"malloc", "aligned_alloc", "posix_memalign", "free"})) {
            void* const own = function_of_c_library(slot.function());
            EXPECT_TRUE(slot.exchange(slot.load(), own)) << slot.function();
        }
    }
}

void free_by_c_library(void* block) {
    reinterpret_cast<void (*)(void*)>(function_of_c_library("free"))(block);
}

}  // namespace larder::internal::support
