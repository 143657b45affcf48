#include <cstdio>

#include "fake/openvino.h"
#include "fake/plugin.h"

void ask(const char* model, char* answer, std::size_t room) {
    ov::Core core;
    std::string text = core.compile_model(model, "CPU", {{"A", {}}}).name() + " " +
                       core.compile_model(model, {}).name() + " ";
    try {
        text += core.compile_model("", {}).name();
    } catch (const std::exception& error) {
        text += error.what();
    }
    std::snprintf(answer, room, "%s", text.c_str());
}
