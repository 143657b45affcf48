// A program whose plugins have different versions of OpenVINO: each must get the result of its own.
// At the end it asks the preload whether it serves this process. usage: two_openvinos MODEL PLUGIN…
#include <cstdio>

#include <dlfcn.h>

#include "fake/plugin.h"

namespace {

const char* ask_preload() {
    void* const serves = dlsym(RTLD_DEFAULT, "larder_preload_serves");
    if (serves == nullptr) return "there is no preload";
    return reinterpret_cast<bool (*)()>(serves)() ? "the preload serves" : "the preload does not";
}

}  // namespace

int main(int argc, char** argv) {
    for (int round = 0; round < 2; ++round) {
        for (int i = 2; i < argc; ++i) {
            void* const plugin = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
            void* const function = plugin == nullptr ? nullptr : dlsym(plugin, "ask");
            if (function == nullptr) {
                std::fprintf(stderr, "%s\n", dlerror());
                return 1;
            }
            char answer[1024];
            reinterpret_cast<AskFunction*>(function)(argv[1], answer, sizeof answer);
            std::printf("%s\n", answer);
        }
    }
    std::printf("%s\n", ask_preload());
    return 0;
}
