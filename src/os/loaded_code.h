// The program and the libraries that this process runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace larder::internal::os {

// The program itself, or a library.
struct LoadedObject {
    std::string path;  // as the loader knows it; empty for the program itself
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::string build_id;  // that the linker gave it, in hex; empty if none

    [[nodiscard]] bool holds(std::uintptr_t address) const {
        return address >= begin && address < end;
    }
};

// All that are loaded now. Thread-safe.
[[nodiscard]] std::vector<LoadedObject> loaded_objects();

// Those that define and export `symbol` themselves.
[[nodiscard]] std::vector<LoadedObject> loaded_objects_that_export(std::string_view symbol);

// Whether the bytes can be read now, page by page; never faults.
[[nodiscard]] bool is_readable(const void* address, std::size_t size);

}  // namespace larder::internal::os
