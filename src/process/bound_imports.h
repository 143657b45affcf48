// Finds import slots and makes sure that they are bound to functions. See process/linkage.h.
#pragma once

#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "process/linkage.h"

namespace larder::internal::process {

// The functions behind the program's own stubs: a library's slot may hold a stub, or the function
// behind it.
class ProgramStubs {
public:
    // No stubs.
    ProgramStubs() = default;
    // Calls the loader.
    explicit ProgramStubs(const std::vector<std::string_view>& functions);

    // Returns the function that is called in the end if `function` is called.
    [[nodiscard]] void* behind(void* function) const;

private:
    void add(const ImportSlot& slot);

    std::map<const void*, void*> behind_;
};

// Does find_import_slots, and binds unbound slots like the loader, or leaves them out. Slots may
// hold `ours` instead of the functions that the loader found. Calls the loader.
[[nodiscard]] std::vector<ImportSlot> bind_import_slots(
    const LoadedLibrary& library, const std::vector<std::string_view>& functions,
    const ProgramStubs& stubs, std::span<void* const> ours);

}  // namespace larder::internal::process
