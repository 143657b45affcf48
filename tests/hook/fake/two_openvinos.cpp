// A program whose plugins bring different versions of OpenVINO: each has to get what its own does.
// usage: two_openvinos MODEL PLUGIN…
#include <cstdio>

#include <dlfcn.h>

#include "fake/plugin.h"

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
    return 0;
}
