// Import slots that hold functions, whatever the loader has done so far. See os/linkage.h.
#pragma once

#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "os/linkage.h"

namespace larder::internal::os {

// What the program's own stubs call: a library may be given a stub, or what is behind it, or both.
class ProgramStubs {
public:
    // Of none.
    ProgramStubs() = default;
    // Calls the loader.
    explicit ProgramStubs(const std::vector<std::string_view>& functions);

    // What is called in the end where this is called.
    [[nodiscard]] void* behind(void* function) const;

private:
    void add(const ImportSlot& slot);

    std::map<const void*, void*> behind_;
};

// As find_import_slots, but for slots that are not bound: these are bound first, as the loader
// would, or left out. `ours` may stand in slots instead of what the loader found. Calls the loader.
[[nodiscard]] std::vector<ImportSlot> bind_import_slots(
    const LoadedLibrary& library, const std::vector<std::string_view>& functions,
    const ProgramStubs& stubs, std::span<void* const> ours);

}  // namespace larder::internal::os
