// A program that is not position-independent and takes the addresses of the allocator's functions:
// its own stub becomes that function for every library that calls it by address. Debian's
// /usr/bin/python3 is such a program. Records blocks of two libraries, one with the stubs and one
// without; prints errors.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <dlfcn.h>

#include "process/large_blocks.h"
#include "process/linkage.h"

namespace {

using larder::internal::process::find_import_slots;
using larder::internal::process::LargeBlockScope;
using larder::internal::process::LoadedLibrary;
using larder::internal::process::obstacle_to_recording;

constexpr std::size_t k_bytes = std::size_t{5} << 20;

int fail(const std::string& what) {
    std::puts(what.c_str());
    return 1;
}

struct Library {
    explicit Library(const std::string& path)
        : handle(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)),
          name(path.substr(path.rfind('/') + 1)) {}

    template <typename Function>
    [[nodiscard]] Function* function(const char* called) const {
        return reinterpret_cast<Function*>(::dlsym(handle, called));
    }
    // Each of the two functions is replaced by a stub of the program.
    [[nodiscard]] bool is_given_stubs() const {
        const auto found = LoadedLibrary::find(name);
        const auto holds = [&](std::string_view function, const void* stub) {
            return find_import_slots(found.at(0), {function}).at(0).load() == stub;
        };
        return holds("free", reinterpret_cast<const void*>(&std::free)) &&
               holds("posix_memalign", reinterpret_cast<const void*>(&::posix_memalign));
    }

    void* handle;
    std::string name;
};

int run(const Library& direct, const Library& indirect) {
    if (direct.is_given_stubs() || !indirect.is_given_stubs()) {
        return fail("one of the libraries was to be given stubs of the program");
    }
    // Of stubs that were never called, only the function behind free can be found: so this program
    // calls posix_memalign, and never free.
    void* never_freed = nullptr;
    if (::posix_memalign(&never_freed, sizeof(void*), 1) != 0) return fail("no memory");
    const std::vector<std::string_view> libraries{direct.name, indirect.name};
    const LargeBlockScope scope(libraries, 0, LargeBlockScope::Record::yes);
    if (!scope.obstacle().empty()) return fail(scope.obstacle());
    for (const auto* allocating : {&direct, &indirect}) {
        for (const auto* freeing : {&direct, &indirect}) {
            void* const block =
                allocating->function<void*(std::size_t)>("library_posix_memalign")(k_bytes);
            if (scope.blocks().size() != 1) return fail("a block is not recorded");
            freeing->function<void(void*)>("library_free")(block);
            if (!scope.blocks().empty()) return fail("a freed block is still listed");
        }
    }
    const auto later = obstacle_to_recording(libraries);
    return later.empty() ? 0 : fail(later);
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) return fail("two libraries are to be named");
    const Library direct(arguments[1]);
    const Library indirect(arguments[2]);
    if (direct.handle == nullptr || indirect.handle == nullptr) return fail(::dlerror());
    return run(direct, indirect);
}
