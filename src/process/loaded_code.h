// The program and the libraries that this process has loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace larder::internal::process {

// The program itself, or a library.
struct LoadedObject {
    std::string path;  // the loader's path; empty for the program itself
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::string build_id;  // from the linker, in hex; empty if there is none

    [[nodiscard]] bool holds(std::uintptr_t address) const {
        return address >= begin && address < end;
    }
};

// Returns all objects that are loaded now. Thread-safe.
[[nodiscard]] std::vector<LoadedObject> loaded_objects();

// Returns those that define and export `symbol` themselves.
[[nodiscard]] std::vector<LoadedObject> loaded_objects_that_export(std::string_view symbol);

// Tells whether the bytes can be read now, page by page; never faults.
[[nodiscard]] bool is_readable(const void* address, std::size_t size);

// Copies bytes that another thread may be changing or freeing. Returns whether all could be read;
// never faults where the kernel lets a process ask for its own memory, as it does by default.
[[nodiscard]] bool copy_if_readable(const void* address, std::span<std::byte> into);

}  // namespace larder::internal::process
