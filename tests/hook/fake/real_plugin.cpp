#include <cstdio>

#include <openvino/runtime/core.hpp>

#include "fake/plugin.h"

void ask(const char* model, char* answer, std::size_t room) {
    ov::Core core;
    const auto compiled = core.compile_model(model, "CPU");
    const bool loaded = compiled.get_property(ov::loaded_from_cache);
    std::snprintf(answer, room, "%s", loaded ? "loaded" : "compiled");
}
