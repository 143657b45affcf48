// The fixture libraries (allocating_library.cpp), opened like plugins.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <dlfcn.h>
#include <gtest/gtest.h>

#include "process/linkage.h"

namespace larder::internal::process {

// Their file names: they differ in how they are linked.
inline constexpr std::string_view k_bound_at_once = "liballocating_now.so";
inline constexpr std::string_view k_bound_late = "liballocating_lazy.so";

// Opened by a name that the linker does not know, like plugins.
class Library {
public:
    explicit Library(std::string_view name)
        : handle_(::dlopen((std::string(ALLOCATING_LIBRARIES "/") + std::string(name)).c_str(),
                           RTLD_LAZY | RTLD_LOCAL)) {
        EXPECT_NE(handle_, nullptr) << ::dlerror();
        // Stays loaded, as oneTBB does with the runtime's own library.
        EXPECT_NE(::dlopen("libtask_pool.so", RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE), nullptr);
    }
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library() { ::dlclose(handle_); }

    [[nodiscard]] void* allocate(const char* function, std::size_t size) const {
        return reinterpret_cast<void* (*)(std::size_t)>(::dlsym(handle_, function))(size);
    }
    void free(void* block) const {
        reinterpret_cast<void (*)(void*)>(::dlsym(handle_, "library_free"))(block);
    }

    void run_on_thread(void (*work)(void*), void* argument) const {
        reinterpret_cast<void (*)(void (*)(void*), void*)>(
            ::dlsym(handle_, "library_run_on_thread"))(work, argument);
    }
    void run_as_task(void (*work)(void*), void* argument, bool runs_here) const {
        reinterpret_cast<void (*)(void (*)(void*), void*, bool)>(
            ::dlsym(handle_, "library_run_as_task"))(work, argument, runs_here);
    }

private:
    void* handle_;
};

// The contents of every slot of a library; binds it first.
inline std::vector<void*> slots_of(std::string_view name) {
    std::vector<void*> held;
    for (const auto& library : LoadedLibrary::find(name)) {
        for (const auto& slot :
             find_import_slots(library, {"malloc", "aligned_alloc", "posix_memalign", "free"})) {
            held.push_back(slot.load());
        }
    }
    return held;
}

}  // namespace larder::internal::process
