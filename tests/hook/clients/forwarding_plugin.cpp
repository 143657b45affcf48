// A device of the program's own: OpenVINO's CPU by another name. Two that differ in VERSION are
// one library before and after it was built anew; OpenVINO's build number says nothing of it.
#include <cstdlib>

#include <dlfcn.h>

extern "C" {
__attribute__((visibility("default"))) extern const int larder_test_version;
const int larder_test_version = VERSION;

// What is created is passed on unseen: the plugin's class is in no public header.
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
