// Where a loaded shared object keeps the addresses of the functions it imports.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace larder::internal::os {

// Loaded, and kept loaded for as long as this lives.
class LoadedLibrary {
public:
    LoadedLibrary(LoadedLibrary&& other) noexcept;
    LoadedLibrary& operator=(LoadedLibrary&&) = delete;
    LoadedLibrary(const LoadedLibrary&) = delete;
    LoadedLibrary& operator=(const LoadedLibrary&) = delete;
    ~LoadedLibrary();

    // Every object that is loaded now under the file name `name`, or `name` and a version
    // ("libx.so" finds libx.so.2). None is no error. Loads nothing.
    [[nodiscard]] static std::vector<LoadedLibrary> find(std::string_view name);
    // The executable of this process; empty where the loader gives no handle for it.
    [[nodiscard]] static std::vector<LoadedLibrary> program();

    // Two are the same object if their ids are equal, while either lives.
    [[nodiscard]] const void* id() const { return handle_; }

private:
    friend std::vector<class ImportSlot> find_import_slots(
        const LoadedLibrary& library, const std::vector<std::string_view>& functions);

    explicit LoadedLibrary(void* handle) : handle_(handle) {}

    void* handle_;
};

// One word of memory through which an object calls one imported function.
class ImportSlot {
public:
    ImportSlot(void** address, std::string_view function, void* stand_in, bool is_read_only,
               bool is_unbound)
        : address_(address),
          function_(function),
          stand_in_(stand_in),
          is_read_only_(is_read_only),
          is_unbound_(is_unbound) {}

    [[nodiscard]] std::string_view function() const { return function_; }
    // The slot holds an address within its own object, and no imported function: as a rule the
    // loader has not looked the function up yet, and will with the first call.
    [[nodiscard]] bool is_unbound() const { return is_unbound_; }
    // A stub in the object's own code that calls the function, and that whoever takes the
    // function's address is given instead, in every object. Programs that are not
    // position-independent have them, for functions whose addresses they take. Null if there is
    // none.
    [[nodiscard]] void* stand_in() const { return stand_in_; }

    // Atomic: the object's own threads may be calling through the slot.
    [[nodiscard]] void* load() const;
    // Puts `next` where `expected` is. False if something else is there, or where memory cannot be
    // written. Serialise the calls: the page is writable meanwhile, and read-only afterwards.
    [[nodiscard]] bool exchange(void* expected, void* next) const;

private:
    void** address_;
    std::string_view function_;
    void* stand_in_;
    bool is_read_only_;  // made so by the loader once it had bound everything
    bool is_unbound_;
};

// The slots of those of `functions` that `library` imports. Nothing where the object is built in a
// way unknown here. The slots are of no use once the library is let go; the strings behind
// `functions` must live as long as the slots.
[[nodiscard]] std::vector<ImportSlot> find_import_slots(
    const LoadedLibrary& library, const std::vector<std::string_view>& functions);

// Keeps the object that holds this very code loaded until the process ends. False if it cannot.
[[nodiscard]] bool stay_loaded();

}  // namespace larder::internal::os
