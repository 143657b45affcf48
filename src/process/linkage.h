// Finds where a loaded shared object holds the addresses of the functions that it imports.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace larder::internal::process {

// A loaded object, which stays loaded for as long as this lives.
class LoadedLibrary {
public:
    LoadedLibrary(LoadedLibrary&& other) noexcept;
    LoadedLibrary& operator=(LoadedLibrary&&) = delete;
    LoadedLibrary(const LoadedLibrary&) = delete;
    LoadedLibrary& operator=(const LoadedLibrary&) = delete;
    ~LoadedLibrary();

    // Returns every object that is loaded now under the file name `name`, or `name` and a version
    // ("libx.so" finds libx.so.2). Finding none is no error. Loads nothing.
    [[nodiscard]] static std::vector<LoadedLibrary> find(std::string_view name);
    // Returns the executable of this process; empty if the loader gives no handle for it.
    [[nodiscard]] static std::vector<LoadedLibrary> program();

    // Returns the function that the loader finds for this object: in the program and all libraries
    // that everybody sees, else in this object and those that it needs. Null if there is none.
    [[nodiscard]] void* find_function(std::string_view name) const;
    // While both live, two of them are the same object if their ids are equal.
    [[nodiscard]] const void* id() const { return handle_; }

private:
    friend std::vector<class ImportSlot> find_import_slots(
        const LoadedLibrary& library, const std::vector<std::string_view>& functions);

    explicit LoadedLibrary(void* handle) : handle_(handle) {}

    void* handle_;
};

// The word of memory through which an object calls one imported function.
class ImportSlot {
public:
    ImportSlot(void** address, std::string_view function, void* plt_entry, bool is_read_only,
               bool is_unbound)
        : address_(address),
          function_(function),
          plt_entry_(plt_entry),
          is_read_only_(is_read_only),
          is_unbound_(is_unbound) {}

    [[nodiscard]] std::string_view function() const { return function_; }
    // The slot holds an address within its own object, not an imported function: usually the loader
    // has not looked the function up yet, and does so at the first call.
    [[nodiscard]] bool is_unbound() const { return is_unbound_; }
    // A stub in the object's own code that calls the function; in every object, code that takes the
    // function's address gets that of the stub. Programs that are not position-independent have
    // stubs for functions whose addresses they take. Null if there is none.
    [[nodiscard]] void* plt_entry() const { return plt_entry_; }

    // Atomic: the object's own threads may be calling through the slot.
    [[nodiscard]] void* load() const;
    // Replaces `expected` by `next`. False if the slot has other content, or if its memory cannot
    // be written. Serialise the calls: the page is writable meanwhile, and read-only afterwards.
    [[nodiscard]] bool exchange(void* expected, void* next) const;

private:
    void** address_;
    std::string_view function_;
    void* plt_entry_;
    bool is_read_only_;  // the loader protected it after binding everything
    bool is_unbound_;
};

// Returns the slots of those of `functions` that `library` imports; none if the object is built in
// an unknown way. The slots are invalid once the library is released; the strings of `functions`
// must live as long as the slots.
[[nodiscard]] std::vector<ImportSlot> find_import_slots(
    const LoadedLibrary& library, const std::vector<std::string_view>& functions);

// Keeps the object that contains this code loaded until the process ends. False if that fails.
[[nodiscard]] bool stay_loaded();

}  // namespace larder::internal::process
