#include "process/bound_imports.h"

#include <algorithm>

namespace larder::internal::process {

ProgramStubs::ProgramStubs(const std::vector<std::string_view>& functions) {
    for (const auto& program : LoadedLibrary::program()) {
        for (const auto& slot : find_import_slots(program, functions)) add(slot);
    }
}

void* ProgramStubs::behind(void* function) const {
    const auto found = behind_.find(function);
    return found == behind_.end() ? function : found->second;
}

void ProgramStubs::add(const ImportSlot& slot) {
    if (slot.plt_entry() == nullptr) return;
    if (slot.is_unbound()) {
        // Calling the stub makes the loader bind its slot. Of the relevant functions, only `free`
        // can be called without effect. The content of the unbound slot cannot be called on all
        // processors.
        if (slot.function() != "free") return;
        void* const unbound = slot.load();
        reinterpret_cast<void (*)(void*)>(slot.plt_entry())(nullptr);
        if (slot.load() == unbound) return;
    }
    // Not if the slot holds the stub itself.
    if (slot.load() != slot.plt_entry()) behind_.emplace(slot.plt_entry(), slot.load());
}

// Looks functions up itself instead of making the loader bind the slots: the content of an unbound
// slot cannot be called on all processors.
std::vector<ImportSlot> bind_import_slots(const LoadedLibrary& library,
                                          const std::vector<std::string_view>& functions,
                                          const ProgramStubs& stubs, std::span<void* const> ours) {
    auto slots = find_import_slots(library, functions);
    const auto resolve = [&](const ImportSlot& slot) {
        return library.find_function(slot.function());
    };
    // If the library was opened so that it sees its own libraries first, its bound slots show that.
    const bool sees_the_same = std::ranges::all_of(slots, [&](const ImportSlot& slot) {
        void* const held = slot.load();
        return slot.is_unbound() || std::ranges::find(ours, held) != ours.end() ||
               stubs.behind(held) == stubs.behind(resolve(slot));
    });
    std::erase_if(slots, [&](const ImportSlot& slot) {
        if (!slot.is_unbound()) return false;
        void* const unbound = slot.load();
        void* const function = sees_the_same ? resolve(slot) : nullptr;
        const bool is_bound = function != nullptr && slot.exchange(unbound, function);
        // The loader may have bound it meanwhile.
        return !is_bound && slot.load() == unbound;
    });
    return slots;
}

}  // namespace larder::internal::process
