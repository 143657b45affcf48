// A device of the program: OpenVINO's CPU with another name. Two builds with different VERSIONs are
// one library before and after a new build; OpenVINO's build number does not show it.
#include <cstdlib>

#include <dlfcn.h>

extern "C" {
__attribute__((visibility("default"))) extern const int larder_test_version;
const int larder_test_version = VERSION;

// The created object is passed on unchanged, because the plugin's class is in no public header.
__attribute__((visibility("default"))) void create_plugin_engine(void* plugin);
__attribute__((visibility("default"))) void create_extensions(void* extensions);
}

namespace {

void forward(const char* function, void* to) {
    using Create = void (*)(void*);
    void* const real = dlopen(std::getenv("LARDER_CPU_PLUGIN"), RTLD_LAZY);
    if (real == nullptr) std::abort();
    reinterpret_cast<Create>(dlsym(real, function))(to);
}

}  // namespace

void create_plugin_engine(void* plugin) { forward("create_plugin_engine", plugin); }
void create_extensions(void* extensions) { forward("create_extensions", extensions); }
